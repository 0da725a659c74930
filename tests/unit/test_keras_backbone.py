"""Networks of Keras as label networks."""

import dataclasses
from importlib.util import find_spec

import h5py
import numpy as np
import onnxruntime
import pytest
import torch

from pacbed.errors import BundleError, OutOfRangeError
from pacbed.learn.labels.keras_backbone import KerasNetwork, import_keras
from pacbed.learn.labels.options import TableTraining
from pacbed.learn.labels.train import prepare, train_from_table
from pacbed.library.models.label_bundle import LabelBundle
from pacbed.library.system import System
from pacbed.library.tables.pattern_table import read_pattern_table
from tests.pattern_tables import make_table

pytestmark = [
    pytest.mark.skipif(find_spec("keras") is None, reason="the extra keras"),
    # Of Keras' own reading of tensors.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

NAME = "MobileNet"
SYSTEM = System(7, "gan", "GaN", "GaN", (0, 0, 1), 300.0, (20, 25), (10, 30), (0, 4))


@pytest.mark.slow
def test_a_keras_backbone_is_trained_stored_and_exported(tmp_path, monkeypatch):
    options = TableTraining(
        targets=("Thickness",), input_size=32, batch_size=24, epochs=1, threads=1, workers=0,
        backbone=NAME,
    )  # fmt: skip
    prepared = prepare(
        read_pattern_table(make_table(tmp_path / "table")), options, tmp_path, np.load
    )
    folder = tmp_path / "model"
    train_from_table(prepared, SYSTEM, options, folder)
    bundle = LabelBundle.load(folder)
    assert bundle.models["Thickness"].input == (32, 32, 3)
    batch = prepared.source("Thickness", options).batch(np.arange(4), np.random.default_rng(0))
    session = onnxruntime.InferenceSession(bundle.content("Thickness"))
    (found,) = session.run(None, {"image": batch.images, "convergence": batch.convergence})
    stored = import_keras().models.load_model(folder / "weights" / "Thickness.h5", compile=False)
    with torch.no_grad():
        wanted = stored([batch.images, batch.convergence], training=False).numpy()
    assert np.allclose(found, wanted, atol=1e-4)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    # Its training goes on, and other labels start from it.
    monkeypatch.setattr("pacbed.learn.labels.train._export", lambda network, options: b"")
    train_from_table(prepared, SYSTEM, options, folder)
    other = KerasNetwork(NAME, 32, 5)
    other.start_from(folder / "weights" / "Thickness.h5")
    base, start = (
        next(layer for layer in model.layers if layer.name.startswith("mobilenet"))
        for model in (other.model, stored)
    )
    for a, b in zip(base.get_weights(), start.get_weights(), strict=True):
        assert (a == b).all()
    with pytest.raises(BundleError, match="no such file"):
        train_from_table(
            prepared, SYSTEM, dataclasses.replace(options, pretrained="nothing.h5"), tmp_path / "x"
        )


def test_the_head_is_trained_alone():
    network = KerasNetwork(NAME, 32, 3)
    every = sum(p.requires_grad for p in network.parameters())
    network.freeze_body(True)
    assert sum(p.requires_grad for p in network.parameters()) == 4
    network.freeze_body(False)
    assert sum(p.requires_grad for p in network.parameters()) == every > 4


def test_backbones_and_weights_that_are_not_there(tmp_path, monkeypatch):
    with pytest.raises(OutOfRangeError, match="Xception"):
        KerasNetwork("Perception", 96, 3)
    with pytest.raises(OutOfRangeError, match="--input-size"):
        KerasNetwork("Xception", 32, 3)
    (tmp_path / "w.h5").write_bytes(b"no weights")
    with pytest.raises(BundleError, match="holds no weights of MobileNet"):
        KerasNetwork(NAME, 32, 3, str(tmp_path / "w.h5"))
    with pytest.raises(BundleError, match="cannot be read"):
        KerasNetwork(NAME, 32, 3).start_from(tmp_path / "w.h5")
    with h5py.File(tmp_path / "l.h5", "w") as file:
        file["layers"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(BundleError, match="external link"):
        KerasNetwork(NAME, 32, 3).start_from(tmp_path / "l.h5")
    with pytest.raises(BundleError, match="external link"):
        KerasNetwork(NAME, 32, 3, str(tmp_path / "l.h5"))
    applications = import_keras().applications
    make = applications.MobileNet

    def offline(weights, **shape):
        if weights == "imagenet":
            raise OSError("URL fetch failure on https://example.org/mobilenet_notop.h5")
        return make(weights=weights, **shape)

    monkeypatch.setattr(applications, NAME, offline)
    with pytest.raises(BundleError, match=r"mobilenet_notop\.h5.*--pretrained FILE"):
        KerasNetwork(NAME, 32, 3, "imagenet")
