"""Running the command line, and a bundle whose networks always give the same answer."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from typer.testing import CliRunner

from pacbed.cli import app
from pacbed.library import places
from pacbed.library.models.bundle import write_bundle
from pacbed.library.system import System
from pacbed.pattern.crystal_frame import FRAME_SIZE, plane_operations
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.preprocess import APERTURE_PX, INPUT_SIZE
from pacbed.pattern.synthesis import synthesise

#: Covers what the fixture ``small_table`` does.
SYSTEM = System(
    id=41,
    name="test-001-200kV",
    material="Strontium titanate",
    composition="SrTiO3",
    zone_axis=(0, 0, 1),
    high_tension_kV=200.0,
    convergence_mrad=(10.0, 12.0),
    thickness_nm=(1.0, 30.0),
    mistilt_mrad=(0.0, 3.0),
)
#: What the networks of the test bundle answer to every pattern.
THICKNESS_NM, TILT_MRAD = 15.0, (1.2, -0.6)
CONVERGENCE_MRAD = 12.0

RECIPE = """
[system]
id = 42
name = "recipe-001-200kV"
material = "Strontium titanate"
zone_axis = [0, 0, 1]
high_tension_kV = 200.0
convergence_mrad = [8.0, 10.0]
thickness_nm = [1.0, 10.0]
mistilt_mrad = [0.0, 1.0]

[crystal]
cell = [3.905, 3.905, 3.905, 90, 90, 90]
atoms = [
    { element = "Sr", position = [0.0, 0.0, 0.0], b_iso = 0.62 },
    { element = "Ti", position = [0.5, 0.5, 0.5], b_iso = 0.44 },
    { element = "O", position = [0.5, 0.5, 0.0], b_iso = 0.72 },
    { element = "O", position = [0.5, 0.0, 0.5], b_iso = 0.72 },
    { element = "O", position = [0.0, 0.5, 0.5], b_iso = 0.72 },
]

[table]
direction_step_mrad = 1.0
thickness_step_nm = 1.0
slice_angstrom = 3.905
g_max = 2.0

[training]
samples = 64
batch_size = 32
workers = 0
"""


def run(*arguments: object) -> Any:
    """Run the command line; anything but an expected error of the input surfaces."""
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def succeed(*arguments: object) -> str:
    """Run a command that must succeed and return its standard output."""
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    return str(result.stdout)


def fail(*arguments: object) -> str:
    """Run a command that must refuse its input, and return the one line that says why."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    line = str(result.stderr)
    assert line.startswith("pacbed: error: ")
    assert line.count("\n") == 1
    assert "Traceback" not in line
    return line


def make_data_folder(folder: Path, table: Any, system: System = SYSTEM) -> Path:
    """Write a data folder with one bundle, and return it."""
    bins = round(system.thickness_nm[1] - system.thickness_nm[0]) + 1
    grid = np.linspace(*system.thickness_nm, bins)
    write_bundle(
        folder / str(system.id) / "models" / "test",
        system,
        _measuring_locator(np.array(TILT_MRAD) / CONVERGENCE_MRAD),
        _constant_reader(-0.5 * ((grid - THICKNESS_NM) / 0.6) ** 2),
        table,
        {
            "size": INPUT_SIZE,
            "aperture_px": APERTURE_PX,
            "frame_size": FRAME_SIZE,
            "thickness_bins": bins,
            "rotation_order": 4,
            "operations": plane_operations(table.geometry).tolist(),
        },
        {"version": "test"},
    )
    return folder


def make_pattern(table: Any, mrad_per_pixel: float = 0.3, size: int = 128) -> np.ndarray:
    """Synthesise the pattern that the test bundle's answer belongs to."""
    parameters = PatternParameters(
        thickness_nm=THICKNESS_NM,
        tilt_x_mrad=TILT_MRAD[0],
        tilt_y_mrad=TILT_MRAD[1],
        convergence_mrad=CONVERGENCE_MRAD,
        mrad_per_pixel=mrad_per_pixel,
    )
    return synthesise(table, parameters, (size, size)) * np.float32(1e6)


def ship_only(monkeypatch: pytest.MonkeyPatch, folder: Path, *names: str) -> None:
    """Let a few of the shipped systems be all: asking every one of them takes long."""
    shipped = Path(places.__file__).parent / "bundles"
    for name in names:
        shutil.copytree(shipped / name, folder / name)
    monkeypatch.setattr(places, "_SHIPPED", folder)


def _measuring_locator(tilt: np.ndarray) -> bytes:
    """ONNX locator that measures the disk's size; what else it says is always the same."""
    # Tilt, its width, zoom (from the area of the bright pixels), centre, rotation.
    geometry = np.array([[*tilt, -4, -np.log(np.pi * APERTURE_PX**2) / 2, 0, 0, 1, 0]])
    constants = {
        "axes": np.array([2, 3], np.int64),
        "zero": np.zeros(1, np.float32),
        "half": np.array([[0, 0, 0, 0.5, 0, 0, 0, 0]], np.float32),
        "g": geometry.astype(np.float32),
    }
    nodes = [
        helper.make_node("Greater", ["frames", "zero"], ["bright"]),
        helper.make_node("Cast", ["bright"], ["ones"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["ones", "axes"], ["area"], keepdims=0),
        helper.make_node("Log", ["area"], ["size"]),
        helper.make_node("Mul", ["size", "half"], ["zoom"]),
        helper.make_node("Add", ["zoom", "g"], ["geometry"]),
    ]
    inputs = {"frames": ["batch", 1, INPUT_SIZE, INPUT_SIZE], "convergence_mrad": ["batch"]}
    return _network("locator", nodes, inputs, ["geometry"], constants)


def _constant_reader(thickness: np.ndarray) -> bytes:
    """ONNX reader that ignores the pattern and finds no error of the pose."""
    constants = {
        "zero": np.zeros((1, 1), np.float32),
        "axis": np.array([1], np.int64),
        "t": thickness[None].astype(np.float32),
        "e": np.array([[0, 0, -4, 0, 0, 0, 0]], np.float32),
    }
    nodes = [
        helper.make_node("ReduceMean", ["folded_mrad", "axis"], ["mean"], keepdims=1),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "t"], ["thickness"]),
        helper.make_node("Add", ["nothing", "e"], ["errors"]),
    ]
    inputs = {
        "values": ["batch", FRAME_SIZE**2],
        "folded_mrad": ["batch", 2],
        "convergence_mrad": ["batch"],
    }
    return _network("reader", nodes, inputs, ["thickness", "errors"], constants)


def _network(
    name: str,
    nodes: list[Any],
    inputs: dict[str, list[Any]],
    outputs: list[str],
    constants: dict[str, np.ndarray],
) -> bytes:
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", None]) for n in outputs],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
