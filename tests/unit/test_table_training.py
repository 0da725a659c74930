"""Training from a table: stored patterns, split, frames, loop, export."""

import dataclasses
import tracemalloc

import numpy as np
import onnxruntime
import pytest
import torch

from pacbed.errors import BundleError, FileFormatError, OutOfRangeError
from pacbed.learn.labels.cache import open_cache
from pacbed.learn.labels.compact import CompactNetwork
from pacbed.learn.labels.labels import make_labels, split_rows
from pacbed.learn.labels.loop import learning_rate, soft_loss
from pacbed.learn.labels.options import Distortion, TableTraining
from pacbed.learn.labels.polar import Polar
from pacbed.learn.labels.stream import fixed_batches, training_batches
from pacbed.learn.labels.train import prepare, train_from_table
from pacbed.library.models.label_bundle import LabelBundle
from pacbed.library.system import System
from pacbed.library.tables.pattern_table import PatternTable, read_pattern_table
from pacbed.pattern.label_frame import FramePreparation
from tests.pattern_tables import make_table

OPTIONS = TableTraining(
    targets=("Thickness",), input_size=32, batch_size=8, epochs=2, threads=1, workers=0
)
SYSTEM = System(7, "gan", "GaN", "GaN", (0, 0, 1), 300.0, (20, 25), (10, 30), (0, 4))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return read_pattern_table(make_table(tmp_path_factory.mktemp("table")))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def prepared(table, cache):
    return prepare(table, OPTIONS, cache, np.load)


def test_patterns_are_stored_once_and_truly(table, tmp_path):
    read = []

    def counting(path):
        read.append(path)
        return np.load(path)

    stored = open_cache(table, 32, tmp_path, counting)
    assert len(read) == len(table) + 1  # the first is read for its size as well
    again = open_cache(table, 32, tmp_path, counting)
    assert len(read) == len(table) + 1
    assert (stored == again).all()
    assert isinstance(again, np.memmap)
    wanted = np.load(table.files[5])
    line = np.polyfit(stored[5].ravel().astype(float), wanted.ravel(), 1)
    assert np.allclose(np.polyval(line, stored[5]), wanted, atol=1e-4)


def test_an_interrupted_reading_leaves_nothing(table, tmp_path):
    def failing(path):
        if path == table.files[9]:
            raise OSError(5, "no more")
        return np.load(path)

    with pytest.raises(FileFormatError, match="cannot be stored"):
        open_cache(table, 32, tmp_path / "new", failing)
    assert list((tmp_path / "new").iterdir()) == []


def test_patterns_of_another_size_or_none_are_named(table, tmp_path):
    for content, words in (
        (np.zeros((41, 40)) + np.arange(40), "41 x 40 pixels where the first"),
        (np.zeros((40, 40)), "same value"),
        (np.full((40, 40), np.nan), "no numbers"),
        (np.zeros(40), "no image"),
    ):

        def other(path, content=content):
            return content if path == table.files[3] else np.load(path)

        with pytest.raises(FileFormatError, match=words) as caught:
            open_cache(table, 32, tmp_path, other)
        assert f"line {table.lines[3]}" in str(caught.value)


def test_large_patterns_are_averaged_down(table, tmp_path):
    def large(path):
        return np.kron(np.load(path), np.ones((4, 4)))

    assert open_cache(table, 32, tmp_path, large).shape[1:] == (80, 80)


def test_a_table_is_never_in_memory_at_once(tmp_path):
    count, size = 600, 64
    some = tmp_path / "some.npy"
    some.write_bytes(b"")
    table = PatternTable(
        tmp_path / "t.csv",
        np.arange(count) + 2,
        (some,) * count,
        np.repeat(np.arange(10.0), count // 10),
        np.tile([0.0, 2.0], count // 2),
        np.full(count, 20.0),
        {},
    )
    random = np.random.default_rng(0).random((size, size), np.float32)
    random[24:40, 24:40] += 5
    tracemalloc.start()
    options = dataclasses.replace(OPTIONS, input_size=64)
    prepared = prepare(table, options, tmp_path, lambda path: random)
    for batch in training_batches(
        prepared.source("Thickness", options), np.arange(count), 8, (0,), 0
    ):
        assert batch.images.shape == (8, 64, 64, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All patterns are 5 MB in the file's 16 bits, 10 MB as the network takes them.
    assert peak < 3e6


def test_split_is_seeded_and_even(table):
    held = split_rows(table, 0.25, 1)
    assert (held == split_rows(table, 0.25, 1)).all()
    assert (held != split_rows(table, 0.25, 2)).any()
    assert held.sum() == 12
    for column in (table.thickness_angstrom, table.mistilt_mrad, table.convergence_mrad):
        counts = [held[column == value].sum() for value in np.unique(column)]
        assert max(counts) - min(counts) <= 2


def test_a_label_is_never_held_back_altogether(table):
    few = table.take(np.arange(0, len(table), 4))  # one row for each combination
    held = split_rows(few, 0.1, 0)
    assert set(few.thickness_angstrom[~held]) == set(few.thickness_angstrom)


@pytest.mark.parametrize(
    ("rows", "target", "words"),
    [
        (slice(0, 16), "Thickness", "one Thickness only"),
        (slice(0, 8), "Mistilt", "one Mistilt only"),
    ],
)
def test_one_label_is_nothing_to_learn(table, rows, target, words):
    part = table.take(np.arange(len(table))[rows])
    with pytest.raises(FileFormatError, match=words):
        make_labels(part, target, Distortion())


def test_labels_must_be_a_grid_and_rows_enough(table):
    rng = np.random.default_rng(0)
    many = table.take(np.zeros(1500, int))
    many = dataclasses.replace(many, thickness_angstrom=rng.random(1500))
    with pytest.raises(FileFormatError, match="grid"):
        make_labels(many, "Thickness", Distortion())
    for rows in ([0, 40], [0, 8, 16, 24]):
        with pytest.raises(FileFormatError, match="too few"):
            split_rows(table.take(np.array(rows)), 0.5, 0)


def test_frames_follow_from_the_seed_alone(prepared):
    source = prepared.source("Thickness", OPTIONS)
    rows = np.arange(len(prepared.table))
    whole = list(training_batches(source, rows, 8, (3,), 1))
    threaded = list(training_batches(source, rows, 8, (3,), 1, workers=2))
    resumed = list(training_batches(source, rows, 8, (3,), 1, first=4))
    other = next(training_batches(source, rows, 8, (3,), 2))
    assert len(whole) == len(threaded) == len(resumed) + 4 == 6
    for a, b in zip(whole, threaded, strict=True):
        assert (a.images == b.images).all()
    assert (whole[4].images == resumed[0].images).all()
    assert (whole[0].images != other.images).any()
    seen = sorted(label for batch in whole for label in batch.labels)
    assert seen == sorted(source.labels.of_row)
    fixed = [batch.images for batch in fixed_batches(source, rows, 8, (3,))]
    again = [batch.images for batch in fixed_batches(source, rows, 8, (3,))]
    assert all((a == b).all() for a, b in zip(fixed, again, strict=True))


def test_scale_labels_say_how_large_the_pattern_is(prepared, table):
    quiet = dataclasses.replace(
        OPTIONS, targets=("Scale",), distortion=Distortion(rotate=False, shift=0, detector=False)
    )
    scale = make_labels(table, "Scale", quiet.distortion)
    assert scale.values[[0, -1]] == pytest.approx([0.7, 1.4])
    ready = dataclasses.replace(prepared, labels={"Scale": scale})
    rows = np.flatnonzero(table.convergence_mrad == 20)[:16]
    batch = ready.source("Scale", quiet).batch(rows, np.random.default_rng(0))
    area = (batch.images[..., 0] > 0.05).sum(axis=(1, 2))
    small, large = batch.labels < 5, batch.labels > 9
    assert area[small].max() < area[large].min()


def test_preparation_finds_the_disk(prepared):
    # Radii of 0.45 pixels for each mrad, of 20 pixels to the edge.
    assert prepared.preparation.convergence_mrad == (20.0, 25.0)
    assert prepared.preparation.disk_shares == pytest.approx((0.45, 0.5625), rel=0.12)
    assert isinstance(prepared.preparation, FramePreparation)


def test_a_turn_of_the_frame_is_a_shift_on_the_rings():
    frames = torch.from_numpy(np.random.default_rng(0).random((2, 32, 32), np.float32))
    polar = Polar(32)
    rings, turned = polar(frames), polar(frames.rot90(-1, (1, 2)))  # from +x to +y
    assert rings.shape == (2, 1, 16, 144)
    # The outermost ring touches the edge of the frame, where there is nothing to interpolate.
    assert torch.allclose(turned[:, :, :-1, 32:128], rings[:, :, :-1, :96], atol=1e-5)
    assert torch.allclose(rings[..., 128:], rings[..., :16], atol=1e-5)


def test_soft_loss_forgives_neighbours():
    logits = torch.full((1, 9), -5.0)
    logits[0, 4] = 5
    right, near, far = (float(soft_loss(logits, torch.tensor([n]))) for n in (4, 5, 8))
    assert right < near < far


def test_learning_rate_rises_and_falls():
    rates = [learning_rate(step, 100, 1.0) for step in range(100)]
    assert rates[0] < 0.3
    assert max(rates) == pytest.approx(1, abs=0.02)
    assert rates[-1] < 0.01


def test_training_writes_a_bundle_that_says_what_torch_says(prepared, tmp_path):
    folder = tmp_path / "model"
    seen = []
    best = train_from_table(
        prepared, SYSTEM, OPTIONS, folder, report=lambda *values: seen.append(values)
    )
    assert seen[-1][1] == 1.0
    bundle = LabelBundle.load(folder)
    assert bundle.models["Thickness"].labels.values == (100, 200, 300)
    assert bundle.provenance["validation"]["Thickness"]["loss"] == best["Thickness"].loss
    session = onnxruntime.InferenceSession(bundle.content("Thickness"))
    network = CompactNetwork(32, 3)
    network.start_from(folder / "weights" / "Thickness.safetensors")
    batch = prepared.source("Thickness", OPTIONS).batch(np.arange(5), np.random.default_rng(0))
    (found,) = session.run(None, {"image": batch.images, "convergence": batch.convergence})
    with torch.no_grad():
        logits = network.eval()(torch.from_numpy(batch.images), torch.from_numpy(batch.convergence))
    assert np.allclose(found, torch.softmax(logits, 1), atol=1e-5)
    log = (folder / "training.csv").read_text(encoding="utf-8").splitlines()
    assert [row.split(";")[:2] for row in log[1:]] == [["Thickness", "1"], ["Thickness", "2"]]
    split = (folder / "split.csv").read_text(encoding="utf-8").splitlines()
    assert sum(int(row.split(";")[2]) for row in split[1:]) == prepared.held_back.sum()


def test_transfer_begins_with_the_head(prepared, tmp_path, monkeypatch):
    monkeypatch.setattr("pacbed.learn.labels.train._export", lambda network, options: b"")
    first = tmp_path / "first"
    train_from_table(prepared, SYSTEM, dataclasses.replace(OPTIONS, epochs=1), first)

    network = CompactNetwork(32, 9)  # other labels
    network.start_from(first / "weights" / "Thickness.safetensors")
    given = CompactNetwork(32, 3)
    given.start_from(first / "weights" / "Thickness.safetensors")
    assert torch.equal(network.mix[0].weight, given.mix[0].weight)

    second = tmp_path / "second"
    options = dataclasses.replace(OPTIONS, epochs=1, head_epochs=1)
    train_from_table(prepared, SYSTEM, options, second, transfer_from=first)
    after = CompactNetwork(32, 3)
    after.start_from(second / "weights" / "Thickness.safetensors")
    for name, value in after.state_dict().items():
        same = torch.equal(value, given.state_dict()[name])
        assert same != name.startswith("head."), name
    with pytest.raises(BundleError, match=r"no weights/Mistilt"):
        train_from_table(
            dataclasses.replace(prepared, labels={}), SYSTEM,
            dataclasses.replace(OPTIONS, targets=("Mistilt",)), tmp_path / "x", first,
        )  # fmt: skip


def test_weights_of_another_kind_are_refused(tmp_path):
    network = CompactNetwork(32, 3)
    network.save(tmp_path / "small.safetensors")
    with pytest.raises(BundleError, match="--input-size"):
        CompactNetwork(64, 3).start_from(tmp_path / "small.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    with pytest.raises(BundleError, match="cannot be read"):
        network.start_from(tmp_path / "broken.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        {"targets": ("Thickness", "Colour")}, {"targets": ()}, {"targets": ("Scale", "Scale")},
        {"input_size": 8}, {"batch_size": 1}, {"learning_rate": float("nan")},
        {"validation_share": 0.9}, {"epochs": 0},
    ],
)  # fmt: skip
def test_senseless_options_are_refused(change):
    with pytest.raises(OutOfRangeError):
        dataclasses.replace(OPTIONS, **change)
