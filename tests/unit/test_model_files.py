"""The files of a model: read once, and what was checked is what is used."""

import builtins
import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from pacbed.errors import BundleError
from pacbed.infer.judge.budget import usual_sensitivities
from pacbed.infer.labels.predictor import LabelPredictor
from pacbed.infer.networks.networks import Networks
from pacbed.library.installed import load_bundle, look
from pacbed.library.models.bundle import Bundle
from pacbed.library.models.label_bundle import LabelBundle
from pacbed.library.models.model_files import DESCRIPTION, read_file, sha256
from pacbed.library.places import open_model
from tests.label_tools import (
    EARLIER_ID,
    make_earlier_folder,
    make_label_bundle,
    model_folder,
    recorded_pattern,
)


@pytest.fixture(scope="module")
def table():
    return load_bundle("sto-001-300kV").table


@pytest.fixture
def opened(monkeypatch):
    """How often each file is opened, by name."""
    counts = {}

    def counted(opener):
        def counting(file, *arguments, **options):
            # Not what the system tells of the process, in /proc.
            if isinstance(file, str | Path) and not str(file).startswith("/proc"):
                counts[Path(file).name] = counts.get(Path(file).name, 0) + 1
            return opener(file, *arguments, **options)

        return counting

    for module in (io, builtins, os):
        monkeypatch.setattr(module, "open", counted(module.open))
    return counts


def test_a_bundle_is_read_once(tmp_path, opened):
    folder = shutil.copytree(load_bundle(3).folder, tmp_path / "bundle")
    opened.clear()
    bundle = Bundle.load(folder)
    Networks(bundle)
    assert bundle.table.geometry.high_tension_kV == 300
    assert opened == {"bundle.json": 1, "locator.onnx": 1, "reader.onnx": 1, "lacbed.npz": 1}


def test_a_label_bundle_is_read_once(tmp_path, table, opened):
    folder = make_label_bundle(tmp_path, table, with_table=True)
    usual_sensitivities()  # of the program, not of the model
    opened.clear()
    predictor = LabelPredictor(LabelBundle.load(folder))
    estimate = predictor.infer(recorded_pattern(table, 30.0, 1.0), 20.0)
    assert set(opened.values()) == {1}
    assert set(opened) == {path.name for path in folder.iterdir()}
    thickness = (folder / "Thickness.onnx").read_bytes()
    assert estimate.provenance["bundle_sha256"] == sha256(thickness)


def test_a_folder_of_the_earlier_system_is_read_once(tmp_path, opened):
    data = make_earlier_folder(tmp_path / "data")
    bundle = load_bundle(EARLIER_ID, data)
    opened.clear()
    content = (model_folder(data) / "Small_Thickness.tflite").read_bytes()
    opened.clear()
    predictor = LabelPredictor(bundle)
    assert opened == {f"Small_{target}.tflite": 1 for target in ("Thickness", "Mistilt", "Scale")}
    # What is said of the answer is of the network that answers, whatever lies there now.
    for path in model_folder(data).glob("*.tflite"):
        path.write_bytes(b"changed")
    pattern = recorded_pattern(load_bundle("sto-001-300kV").table, 30.0, 3.0, 0.5, size=192)
    estimate = predictor.infer(pattern, 20.0)
    assert estimate.provenance["bundle_sha256"] == sha256(content)


def test_each_description_is_read_once(opened):
    opened.clear()
    models = look().models
    assert opened == {DESCRIPTION: len(models)}


@pytest.mark.parametrize("name", ["locator.onnx", "reader.onnx", "lacbed.npz"])
def test_what_was_checked_is_what_is_used(tmp_path, monkeypatch, name):
    """A file that changes right after it was hashed changes nothing."""
    folder = shutil.copytree(load_bundle(3).folder, tmp_path / "bundle")
    right = (folder / name).read_bytes()

    def spoiling(content):
        (folder / name).write_bytes(b"changed")
        return sha256(content)

    monkeypatch.setattr("pacbed.library.models.model_files.sha256", spoiling)
    bundle = Bundle.load(folder)
    if name == "lacbed.npz":
        assert np.isfinite(bundle.table.entries(20.0)).all()
    else:
        assert getattr(bundle, name.removesuffix(".onnx")) == right


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("pacbed.library.models.model_files._LARGEST_BYTES", 10)
    (tmp_path / "network").write_bytes(bytes(11))
    with pytest.raises(BundleError, match="larger than the 10 bytes"):
        read_file(tmp_path / "network", None)


def test_an_unknown_kind_is_named(tmp_path):
    content = json.loads((load_bundle(3).folder / DESCRIPTION).read_text())
    (tmp_path / DESCRIPTION).write_text(json.dumps({**content, "kind": "oracle"}))
    with pytest.raises(BundleError, match="of the kind oracle; known are engine, labels"):
        open_model(tmp_path)
