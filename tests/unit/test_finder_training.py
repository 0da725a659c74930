"""The finder's training: what its frames show, its checkpoints and what it leaves behind."""

import dataclasses
import json

import numpy as np
import onnx
import pytest

from pacbed.errors import FileFormatError
from pacbed.infer.search.finder import Finder
from pacbed.learn.finder import train
from pacbed.learn.finder.bank import PatternImages
from pacbed.learn.finder.crystals import draw_crystal
from pacbed.learn.finder.frames import draw_frames
from pacbed.learn.finder.two_beam import made_up
from pacbed.pattern.finder_frame import FRAME_APERTURE_PX, FRAME_SIZE

OPTIONS = train.FinderTraining(
    crystals=1, lattices=2, samples=64, batch_size=16, workers=0, checkpoint_seconds=0.0
)


@pytest.fixture
def small_bank(monkeypatch):
    """Made-up lattices in place of a simulated crystal."""
    images = [made_up(number, 9) for number in range(3)]
    monkeypatch.setattr(train, "load_or_make", lambda number, seed, folder: ("none", images))


def ignore(share, words):
    """Take no notice of the progress."""


def test_frames_are_the_same_for_a_seed_and_show_the_disk_where_they_say():
    steps = np.arange(-40, 41) / 10
    disk = (np.hypot(*np.meshgrid(steps, steps)) <= 1).astype(np.float16)
    bank = [PatternImages(disk[None], np.eye(2) / 10, np.array([40.0, 40.0]), 1.0, 4.0)]
    first, again = (draw_frames(bank, 40, np.random.default_rng(3)) for _ in range(2))
    assert (first.images == again.images).all()
    brighter = []
    axis = (np.arange(FRAME_SIZE) - (FRAME_SIZE - 1) / 2) / FRAME_APERTURE_PX
    x, y = np.meshgrid(axis, axis)
    for image, (cx, cy, size, _, _) in zip(first.images, first.truth, strict=True):
        distance = np.hypot(x - cx, y - cy) / np.exp(size)
        inside, around = distance < 0.9, (distance > 1.1) & (distance < 1.5)
        if inside.sum() > 10 and around.sum() > 10:
            brighter.append(image[inside].mean() > image[around].mean())
    assert np.mean(brighter) > 0.9


def test_drawn_crystals_have_one_seed_and_possible_cells():
    first, again = (draw_crystal(np.random.default_rng(4)) for _ in range(2))
    assert first.kind == again.kind
    assert (first.crystal.positions == again.crystal.positions).all()
    assert 4.0 <= first.convergence_mrad[0] < first.convergence_mrad[1] <= 36.0


def test_a_training_goes_on_and_says_what_made_its_network(small_bank, tmp_path):
    network, names = train.train_finder(OPTIONS, tmp_path / "work", ignore)
    train.export_finder(network, OPTIONS, names, tmp_path / "finder.onnx")
    content = (tmp_path / "finder.onnx").read_bytes()
    made = {p.key: p.value for p in onnx.load_from_string(content).metadata_props}["pacbed"]
    assert json.loads(made)["options"]["seed"] == OPTIONS.seed
    # It has ended: going on changes nothing.
    again, _ = train.train_finder(OPTIONS, tmp_path / "work", ignore)
    for one, other in zip(network.parameters(), again.parameters(), strict=True):
        assert (one == other).all()
    assert len(Finder(content).find(np.eye(64, dtype=np.float32), 10.0, 2)) <= 2
    other = dataclasses.replace(OPTIONS, seed=1)
    with pytest.raises(FileFormatError, match="other options"):
        train.train_finder(other, tmp_path / "work", ignore)


def test_the_shipped_finder_is_small_and_says_what_made_it():
    from importlib import resources

    content = resources.files("pacbed").joinpath("finder.onnx").read_bytes()
    assert len(content) < 2_000_000
    made = {p.key: p.value for p in onnx.load_from_string(content).metadata_props}["pacbed"]
    assert len(json.loads(made)["crystals"]) >= 60
