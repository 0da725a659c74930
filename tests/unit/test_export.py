"""Networks in ONNX and in torch, and the bundle that they go into."""

import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto

from pacbed.learn.export import export_bundle, locator_to_onnx, reader_to_onnx
from pacbed.learn.network import Locator, NetworkOptions, Reader
from pacbed.library.models.bundle import Bundle
from pacbed.library.recipe import load_recipe
from pacbed.pattern.crystal_frame import FRAME_SIZE
from pacbed.pattern.preprocess import INPUT_SIZE

SHAPE = NetworkOptions((1, 120), 120, 4, (10, 30), 12.0)
ANGLES = torch.tensor([10.0, 20.0, 30.0])


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    return Locator(SHAPE).eval(), Reader(SHAPE).eval()


def run(content, **inputs):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {name: value.numpy() for name, value in inputs.items()})


def compare(found, expected, tolerance):
    for a, b in zip(found, expected, strict=True):
        assert a == pytest.approx(b.numpy(), abs=tolerance * float(b.abs().max()))


def test_locator_equals_torch(networks):
    """Half-precision weights cost less than 2e-3 of the largest output."""
    locator, _ = networks
    frames = torch.randn(3, 1, INPUT_SIZE, INPUT_SIZE)
    with torch.no_grad():
        expected = locator(frames, ANGLES)
    found = run(locator_to_onnx(locator), frames=frames, convergence_mrad=ANGLES)
    compare(found, [expected], 2e-3)


def test_reader_equals_torch(networks):
    """The first layer in bytes costs less than 2 % of the largest output."""
    _, reader = networks
    values, tilt = torch.randn(3, FRAME_SIZE**2), torch.tensor([[1.0, 0.2], [5.0, 2.0], [9.0, 0.0]])
    with torch.no_grad():
        expected = reader(values, tilt, ANGLES)
    content = reader_to_onnx(reader)
    found = run(content, values=values, folded_mrad=tilt, convergence_mrad=ANGLES)
    compare(found, expected, 0.02)
    weights = onnx.load_from_string(content).graph.initializer
    (first,) = [weight for weight in weights if weight.data_type == TensorProto.INT8]
    assert sorted(first.dims) == [768, FRAME_SIZE**2]
    assert len(content) < 7e6


def test_bundle_of_the_networks(networks, small_table, tmp_path, repository):
    recipe = load_recipe(repository / "recipes" / "sto-001-200kV.toml")
    export_bundle(tmp_path / "bundle", recipe, *networks, small_table, {"samples": 0})
    bundle = Bundle.load(tmp_path / "bundle")
    assert bundle.system == recipe.system
    assert bundle.table.entries(3.0).size == small_table.entries(3.0).size
    assert bundle.locator
    assert bundle.reader
    assert bundle.input["rotation_order"] == 4
    assert len(bundle.input["operations"]) == 8
    assert bundle.calibration == {}
    assert bundle.provenance["recipe"] == "sto-001-200kV.toml"
