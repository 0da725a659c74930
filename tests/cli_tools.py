"""Running the command line, and a bundle whose network always gives the same answer."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from typer.testing import CliRunner

from pacbed.cli import app
from pacbed.library.bundle import write_bundle
from pacbed.library.system import System
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
#: What the network of the test bundle answers to every pattern.
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
    thickness = -0.5 * ((grid - THICKNESS_NM) / 0.6) ** 2
    tilt = np.array(TILT_MRAD) / CONVERGENCE_MRAD
    # Tilt, its width, zoom, shift, rotation (cosine, sine) and the zoom's width.
    geometry = np.array([*tilt, -4, 0, 0, 0, 1, 0, -4])
    write_bundle(
        folder / str(system.id) / "models" / "test",
        system,
        _constant_network(thickness, geometry),
        table,
        {
            "size": INPUT_SIZE,
            "aperture_px": APERTURE_PX,
            "thickness_bins": bins,
            "rotation_order": 4,
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


def _constant_network(thickness: np.ndarray, geometry: np.ndarray) -> bytes:
    """ONNX network with the inputs and outputs of a real one that ignores the pattern."""
    constants = {
        "axes": np.array([2, 3], np.int64),
        "zero": np.zeros(1, np.float32),
        "t": thickness[None].astype(np.float32),
        "g": geometry[None].astype(np.float32),
    }
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["frames", "axes"], ["mean"], keepdims=0),
            helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "t"], ["thickness"]),
            helper.make_node("Add", ["nothing", "g"], ["geometry"]),
        ],
        "constant",
        [
            helper.make_tensor_value_info(
                "frames", TensorProto.FLOAT, ["batch", 1, INPUT_SIZE, INPUT_SIZE]
            ),
            helper.make_tensor_value_info("convergence_mrad", TensorProto.FLOAT, ["batch"]),
        ],
        [
            helper.make_tensor_value_info("thickness", TensorProto.FLOAT, ["batch", None]),
            helper.make_tensor_value_info("geometry", TensorProto.FLOAT, ["batch", None]),
        ],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
