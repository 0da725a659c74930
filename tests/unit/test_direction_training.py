"""Learning the tilt's direction from the azimuths of a table."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from pacbed.errors import FileFormatError, OutOfRangeError
from pacbed.evaluate.answers import TargetAnswers
from pacbed.evaluate.figures import draw_target
from pacbed.infer.labels.direction import summarise_directions
from pacbed.learn.labels.direction import DirectionNetwork
from pacbed.learn.labels.labels import DIRECTIONS
from pacbed.learn.labels.loop import soft_loss
from pacbed.learn.labels.options import Distortion, TableTraining
from pacbed.learn.labels.train import prepare, train_from_table
from pacbed.library.models.label_bundle import LabelBundle
from pacbed.library.system import System
from pacbed.library.tables.pattern_azimuth import azimuths_to_learn, read_azimuths
from pacbed.library.tables.pattern_table import read_pattern_table
from tests.cli_tools import fail, succeed
from tests.pattern_tables import made_up_pattern, make_table

OPTIONS = TableTraining(
    targets=("Azimuth",), input_size=32, batch_size=16, epochs=40, patience=40, threads=1,
    workers=0, distortion=Distortion(detector=False),
)  # fmt: skip
SYSTEM = System(7, "gan", "GaN", "GaN", (0, 0, 1), 300.0, (20, 25), (10, 30), (0, 4))
QUICK = ("--input-size", 32, "--batch-size", 8, "--epochs", 1, "--threads", 1, "--id", 7)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    return read_pattern_table(make_table(folder, azimuths=9, with_azimuth=True))


def with_azimuths(table, *texts):
    """The table with other entries in the column: those of the first tilted rows, then 1, 2, …"""
    column = [str(n) for n in range(len(table))]
    for row, text in zip(np.flatnonzero(table.mistilt_mrad), texts, strict=False):
        column[row] = text
    return dataclasses.replace(table, others={**table.others, "Azimuth": tuple(column)})


def test_directions_are_read(table):
    tilted = np.flatnonzero(table.mistilt_mrad)
    found = read_azimuths(with_azimuths(table, "-30", " 370,5 ", "360"))
    assert found[tilted[:3]].tolist() == [330, 10.5, 0]
    # Whatever stands there, a pattern without tilt has no direction.
    assert np.isnan(found[table.mistilt_mrad == 0]).all()
    assert np.isfinite(found[tilted]).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: dataclasses.replace(t, others={}), "has no column Azimuth"),
        (lambda t: with_azimuths(t, "nan"), 'Azimuth "nan" is not a number'),
        (lambda t: with_azimuths(t, ""), 'Azimuth "" is not a number'),
        (lambda t: with_azimuths(t, "north"), 'Azimuth "north" is not a number'),
        (lambda t: with_azimuths(t, *["30", "390"] * len(t)), "one Azimuth only (30°)"),
        (lambda t: t.take(np.flatnonzero(t.mistilt_mrad == 0)), "no tilted pattern"),
    ],
)
def test_directions_that_cannot_be_learned(table, change, words):
    with pytest.raises(FileFormatError) as caught:
        azimuths_to_learn(change(table))
    assert words in str(caught.value)
    assert "leave Azimuth out of --targets" in str(caught.value)
    if "is not a number" in words:
        assert f"line {table.lines[np.flatnonzero(table.mistilt_mrad)[0]]}:" in str(caught.value)


@pytest.fixture(scope="module")
def prepared(table, tmp_path_factory):
    return prepare(table, OPTIONS, tmp_path_factory.mktemp("cache"), np.load)


def test_the_label_turns_with_the_frame(prepared):
    """The bright spot of the made-up patterns lies where the label says, as the network sees it."""
    still = dataclasses.replace(OPTIONS, distortion=Distortion(detector=False, shift=0, zoom=0))
    source = prepared.source("Azimuth", still)
    rows = source.labels.rows_with_label(np.arange(len(prepared.table)))
    assert len(rows) == (prepared.table.mistilt_mrad > 0).sum()
    batch = source.batch(rows, np.random.default_rng(0))
    y, x = np.mgrid[:32, :32] - 15.5
    spot = np.maximum(batch.images[..., 0] - 0.6, 0)
    seen = np.degrees(np.arctan2((spot * y).sum((1, 2)), (spot * x).sum((1, 2))))
    off = (seen - source.labels.values[batch.labels] + 180) % 360 - 180
    assert np.abs(off).max() < 8
    assert len(np.unique(batch.labels)) > 30  # of any direction, not only those of the table


def test_without_turns_the_labels_are_those_of_the_table(prepared):
    still = dataclasses.replace(OPTIONS, distortion=Distortion(rotate=False))
    source = prepared.source("Azimuth", still)
    rows = source.labels.rows_with_label(np.arange(len(prepared.table)))
    labels = source.batch(rows, np.random.default_rng(0)).labels
    wanted = read_azimuths(prepared.table)[rows]
    assert source.labels.values[labels].tolist() == wanted.tolist()


def test_a_turned_frame_turns_the_answer():
    torch.manual_seed(0)
    network = DirectionNetwork(32, DIRECTIONS).eval()
    frames = torch.rand(2, 32, 32)
    angle = torch.full((2, 1), 0.3)
    with torch.no_grad():
        logits = network(frames[..., None], angle)
        turned = network(frames.rot90(2, (1, 2))[..., None], angle)
    assert logits.std() > 0.01
    assert torch.allclose(turned, logits.roll(DIRECTIONS // 2, 1), atol=1e-5)
    with pytest.raises(OutOfRangeError, match="multiple of 18"):
        DirectionNetwork(32, 40)


def test_the_last_direction_lies_beside_the_first():
    logits = torch.full((1, 8), -5.0)
    logits[0, 7] = 5
    near, far = (float(soft_loss(logits, torch.tensor([n]), circular=True)) for n in (0, 3))
    assert near < far
    assert near < float(soft_loss(logits, torch.tensor([0])))
    same = [float(soft_loss(logits.roll(n, 1), torch.tensor([n]), circular=True)) for n in (0, 3)]
    assert same[0] == pytest.approx(same[1])


def test_directions_in_between_are_learned(prepared, tmp_path):
    best = train_from_table(prepared, SYSTEM, OPTIONS, tmp_path / "model")
    assert best["Azimuth"].within_one_label > 0.8  # of 72
    bundle = LabelBundle.load(tmp_path / "model")
    values = np.array(bundle.models["Azimuth"].labels.values)
    assert values.tolist() == [5.0 * n for n in range(72)]
    session = onnxruntime.InferenceSession(bundle.content("Azimuth"))
    source = prepared.source("Azimuth", dataclasses.replace(
        OPTIONS, distortion=Distortion(rotate=False, zoom=0, shift=0, detector=False)
    ))  # fmt: skip
    for degrees in (7.0, 128.0, 263.0):  # none of the table's
        pattern = made_up_pattern(200, 4, 20, np.deg2rad(degrees))
        one = dataclasses.replace(source, patterns=np.repeat(pattern[None], len(prepared.table), 0))
        those = (prepared.table.convergence_mrad == 20) & (prepared.table.mistilt_mrad > 0)
        row = np.flatnonzero(those)[:1]
        batch = one.batch(row, np.random.default_rng(0))
        feed = {"image": batch.images, "convergence": batch.convergence}
        summary = summarise_directions(values, session.run(None, feed)[0][0])
        off = (summary.azimuth_deg - degrees + 180) % 360 - 180
        assert abs(off) < 10, degrees


def test_errors_of_directions_go_the_short_way():
    answers = TargetAnswers(
        "Azimuth", "°", np.arange(72) * 5.0, np.array([0.0, 355.0, 90.0, 10.0]),
        np.array([355.0, 5.0, 270.0, 10.0]), 360.0,
    )  # fmt: skip
    assert np.abs(answers.error).tolist() == [5, 10, 180, 0]
    figures = answers.figures()
    assert figures["share_within_one_label"] == 0.5
    assert figures["largest_absolute_error"] == 180
    assert np.array(figures["confusion"])[0, 71] == 1
    assert answers.worst(1).tolist() == [2]
    assert draw_target(answers, "directions").startswith(b"\x89PNG")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_table(Path("simulation"), with_azimuth=True)


def edit(path: Path, change) -> None:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("Azimuth", "Phi"), "no column Azimuth"),
        (lambda text: text.replace("GaN;90.0", "GaN;nan"), 'Azimuth "nan" is not a number'),
    ],
)
def test_an_asked_direction_that_cannot_be_learned_is_one_line(here, change, words):
    edit(here, change)
    line = fail("train", here, "-o", "model", *QUICK, "--targets", "Azimuth")
    assert words in line
    assert "df.csv" in line
    assert not Path("model").exists()


def without_export(monkeypatch):
    monkeypatch.setattr("pacbed.learn.labels.train._export", lambda network, options: b"")


def targets(folder: str) -> list[str]:
    with open(f"{folder}/training.csv", encoding="utf-8", newline="") as file:
        return [row["target"] for row in csv.DictReader(file, delimiter=";")]


def test_directions_are_trained_where_the_table_has_them(here, monkeypatch):
    without_export(monkeypatch)
    words = succeed("train", here, "-o", "model", *QUICK)
    assert targets("model") == ["Thickness", "Mistilt", "Scale", "Azimuth"]
    assert "72 labels" in words
    labels = Path("model/Azimuth_labels.csv").read_text(encoding="utf-8").splitlines()
    assert labels[:3] == ["Index;Azimuth / deg", "0;0", "1;5"]
    # Other directions in the table are another training.
    edit(here, lambda text: text.replace("GaN;90.0", "GaN;95.0"))
    line = fail("train", here, "-o", "model", *QUICK, "--resume")
    assert "another azimuth:" in line


def test_a_model_without_directions_is_no_start_for_them(here, monkeypatch):
    without_export(monkeypatch)
    three = [f"--targets={name}" for name in ("Thickness", "Mistilt", "Scale")]
    succeed("train", here, "-o", "three", *QUICK, *three)
    words = succeed("train", here, "-o", "next", *QUICK, "--transfer-from", "three")
    assert "three has no such model to start from" in words
    assert targets("next") == ["Thickness", "Mistilt", "Scale"]
    # But a training that has none yet takes it up.
    words = succeed("train", here, "-o", "three", *QUICK, "--resume")
    assert targets("three")[-1] == "Azimuth"
    succeed("train", here, "-o", "all", *QUICK, "--transfer-from", "three")
    assert targets("all")[-1] == "Azimuth"


def test_directions_that_cannot_be_learned_are_left_out_and_told(here, monkeypatch):
    without_export(monkeypatch)
    edit(here, lambda text: text.replace("GaN;90.0", "GaN;nan"))
    words = succeed("train", here, "-o", "model", *QUICK)
    assert targets("model") == ["Thickness", "Mistilt", "Scale"]
    assert "not trained: simulation/df.csv: line" in words.replace("\n", " ")


def test_a_direction_is_previewed_and_validated(here):
    succeed("preview", here, "-o", "p.png", "--target", "Azimuth", "--count", 7, "--input-size", 32)
    assert Path("p.png").read_bytes().startswith(b"\x89PNG")
    succeed("train", here, "-o", "model", *QUICK, "--targets", "Azimuth")
    succeed("validate", "model", "--table", here)
    report = Path("model/validation")
    figures = json.loads((report / "validation.json").read_text(encoding="utf-8"))
    tilted = figures["targets"]["Azimuth"]
    assert tilted["largest_absolute_error"] <= 180
    held = [row.split(";") for row in Path("model/split.csv").read_text().splitlines()[1:]]
    names = [name for _, name, back in held if back == "1" and "_4_" in name]
    assert tilted["count"] == len(names) > 0
    edit(here, lambda text: text.replace("Azimuth", "Phi"))
    words = succeed("validate", "model", "--table", here)
    assert "not asked" in words
