"""Training: stream, loop and resuming, on a small table."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from pacbed.errors import BundleError
from pacbed.learn.batches import PatternStream, StreamOptions
from pacbed.learn.network import estimate_thickness
from pacbed.learn.train import load_checkpoint, train_network
from pacbed.library.recipe import TrainingOptions
from pacbed.library.system import System
from pacbed.pattern.preprocess import INPUT_SIZE

SYSTEM = System(
    9, "small", "Strontium titanate", "SrTiO3", (0, 0, 1), 200.0, (10, 12), (1, 30), (0, 3)
)
SMALL = StreamOptions(tilts=4, series=4, pool_groups=2)


def test_stream_is_seeded_and_true(small_table):
    first, again, other = (
        next(PatternStream(small_table, SYSTEM, SMALL, seed).batches(16)) for seed in (1, 1, 2)
    )
    assert (first.frames == again.frames).all()
    assert not (first.frames == other.frames).all()
    assert first.frames.shape == (16, INPUT_SIZE, INPUT_SIZE)
    assert np.isfinite(first.frames).all()
    assert ((first.thickness_nm >= 1) & (first.thickness_nm <= 30)).all()
    assert ((first.convergence_mrad >= 10) & (first.convergence_mrad <= 12)).all()
    assert np.linalg.norm(first.tilt, axis=1).max() <= 3 + 1e-4


def test_rotation_order(small_table):
    assert small_table.geometry.rotation_order == 4


def test_training_resumes_and_logs(small_table, tmp_path):
    options = TrainingOptions(samples=64, batch_size=32, seed=3, threads=1, workers=0)
    train_network(small_table, SYSTEM, options, tmp_path)
    assert load_checkpoint(tmp_path / "checkpoint.pt")["step"] == 2
    seen = []
    longer = dataclasses.replace(options, samples=128)
    locator, reader, provenance = train_network(
        small_table, SYSTEM, longer, tmp_path, resume=True,
        report=lambda done, total, words: seen.append((done, total)),
    )  # fmt: skip
    assert seen[-1] == (128, 128)
    assert provenance["samples"] == 128
    assert not locator.training
    assert not reader.training
    with open(tmp_path / "training.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["samples"]) for row in rows] == [64, 128]


def test_estimate_of_a_sharp_distribution():
    bins = torch.linspace(1, 120, 120)
    logits = -0.5 * ((bins - 41.3) / 0.6) ** 2
    assert float(estimate_thickness(logits[None], bins)[0]) == pytest.approx(41.3, abs=0.01)


def test_broken_checkpoint(tmp_path):
    path = Path(tmp_path / "checkpoint.pt")
    path.write_bytes(b"no checkpoint")
    with pytest.raises(BundleError, match="not a checkpoint"):
        load_checkpoint(path)
