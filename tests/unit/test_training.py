"""Training: stream, loop, resuming and export, on a small table."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from pacbed.errors import BundleError
from pacbed.learn.batches import PatternStream, StreamOptions, rotation_order
from pacbed.learn.export import export_bundle, to_onnx
from pacbed.learn.network import NetworkOptions, PacbedNetwork, estimate_thickness
from pacbed.learn.train import load_checkpoint, train_network
from pacbed.library.bundle import Bundle
from pacbed.library.recipe import TrainingOptions, load_recipe
from pacbed.library.system import System
from pacbed.pattern.preprocess import INPUT_SIZE

SYSTEM = System(
    9, "small", "Strontium titanate", "SrTiO3", (0, 0, 1), 200.0, (10, 12), (1, 30), (0, 3)
)
SMALL = StreamOptions(group=4, renderings=2, pool_groups=4)


def test_stream_is_seeded_and_true(small_table):
    first, again, other = (
        next(PatternStream(small_table, SYSTEM, SMALL, seed).batches(16)) for seed in (1, 1, 2)
    )
    assert (first.frames == again.frames).all()
    assert not (first.frames == other.frames).all()
    assert first.frames.shape == (16, INPUT_SIZE, INPUT_SIZE)
    assert np.isfinite(first.frames).all()
    assert ((first.thickness_nm >= 1) & (first.thickness_nm <= 30)).all()
    mistilt = np.linalg.norm(first.tilt, axis=1) * first.convergence_mrad
    assert mistilt.max() <= 3 + 1e-4


def test_rotation_order(small_table):
    assert rotation_order(small_table) == 4


def test_training_resumes_and_logs(small_table, tmp_path):
    options = TrainingOptions(samples=256, batch_size=32, seed=3, threads=1)
    train_network(small_table, SYSTEM, options, tmp_path)
    assert load_checkpoint(tmp_path / "checkpoint.pt")["step"] == 8
    seen = []
    longer = dataclasses.replace(options, samples=512)
    network, provenance = train_network(
        small_table, SYSTEM, longer, tmp_path, resume=True,
        report=lambda done, total, words: seen.append((done, total)),
    )  # fmt: skip
    assert seen[-1] == (512, 512)
    assert provenance["samples"] == 512
    assert not network.training
    with open(tmp_path / "training.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["samples"]) for row in rows] == [256, 512]


def test_export_equals_torch(small_table, tmp_path, repository):
    torch.manual_seed(0)
    network = PacbedNetwork(NetworkOptions((1, 120), 120, 4, (10, 30))).eval()
    frames = torch.randn(3, 1, INPUT_SIZE, INPUT_SIZE)
    angles = torch.tensor([10.0, 20.0, 30.0])
    with torch.no_grad():
        expected = network(frames, angles)
    session = onnxruntime.InferenceSession(to_onnx(network), providers=["CPUExecutionProvider"])
    found = session.run(None, {"frames": frames.numpy(), "convergence_mrad": angles.numpy()})
    for a, b in zip(found, expected, strict=True):
        assert a == pytest.approx(b.numpy(), abs=1e-4)
    recipe = load_recipe(repository / "recipes" / "sto-001-200kV.toml")
    export_bundle(tmp_path / "bundle", recipe, network, small_table, {"samples": 0})
    bundle = Bundle.load(tmp_path / "bundle")
    assert bundle.system == recipe.system
    assert bundle.table.entries(3.0).size == small_table.entries(3.0).size
    assert bundle.network


def test_estimate_of_a_sharp_distribution():
    bins = torch.linspace(1, 120, 120)
    logits = -0.5 * ((bins - 41.3) / 0.6) ** 2
    assert float(estimate_thickness(logits[None], bins)[0]) == pytest.approx(41.3, abs=0.01)


def test_broken_checkpoint(tmp_path):
    path = Path(tmp_path / "checkpoint.pt")
    path.write_bytes(b"no checkpoint")
    with pytest.raises(BundleError, match="not a checkpoint"):
        load_checkpoint(path)
