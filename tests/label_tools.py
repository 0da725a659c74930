"""Data folders with models that choose among labels, for tests."""

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from pacbed.library.models.write_labels import TrainedModel, write_label_bundle
from pacbed.library.register.rows import COLUMNS
from pacbed.library.system import System
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.label_frame import FramePreparation
from pacbed.pattern.preprocess import locate
from pacbed.pattern.synthesis import synthesise

#: Networks that tests/models/make_models.py trained on SrTiO3 at 300 kV.
MODELS = Path(__file__).parent / "models"
TARGETS = ("Thickness", "Mistilt", "Scale")
EARLIER_ID = 7


def make_earlier_folder(
    data: Path, form: str = ".tflite", number: int = EARLIER_ID, targets: tuple[str, ...] = TARGETS
) -> Path:
    """Write a data folder as the earlier system left it on Windows, and return it."""
    add_register_row(data, number)
    home = data / str(number)
    model = home / "models" / "Xception_0"
    model.mkdir(parents=True)
    (home / "simulation").mkdir()
    register = home / "models" / "Register_models.csv"
    register.write_text(
        f"id;path\n0;C:\\Users\\lab\\pacbed\\data\\{number}\\models\\Xception_0\\\n"
    )
    rows = "".join(f"D:\\old\\{a}.tif;100;0;{a};300\n" for a in (15.0, 20.0, 25.0))
    (home / "simulation" / "df.csv").write_text(
        f"Path;Thickness;Mistilt;Conv_Angle;Electron_Energy\n{rows}"
    )
    for target in targets:
        for ending in (form, "_labels.csv"):
            shutil.copy(MODELS / f"Small_{target}{ending}", model)
    return data


def model_folder(data: Path, number: int = EARLIER_ID) -> Path:
    return data / str(number) / "models" / "Xception_0"


def add_register_row(data: Path, number: int, **others: str) -> None:
    """Add a system to the register of a data folder."""
    row = dict.fromkeys(COLUMNS, "") | {
        "id": str(number), "path": f"data\\{number}", "material": "Strontium Titanate",
        "composition": "SrTiO3", "direction": "(0, 0, 1)", "thickness": "600",
        "thickness step": "100", "high tension": "300", "convergenc angle min": "15",
        "convergenc angle max": "25", "convergenc angle step": "5", "mistilt min": "0",
        "mistilt max": "6", "mistilt step": "1.5", "dim": "96",
    } | others  # fmt: skip
    data.mkdir(exist_ok=True)
    path = data / "Register.csv"
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=";")
        if new:
            writer.writeheader()
        writer.writerow(row)


def recorded_pattern(
    table: Any,
    thickness_nm: float,
    mistilt_mrad: float = 1.5,
    mrad_per_pixel: float = 0.4,
    seed: int = 0,
    size: int = 160,
) -> np.ndarray:
    """A pattern at 20 mrad with Poisson noise, tilted in a direction that the seed chooses."""
    rng = np.random.default_rng(seed)
    azimuth = rng.uniform(0, 2 * np.pi)
    parameters = PatternParameters(
        thickness_nm=thickness_nm,
        tilt_x_mrad=mistilt_mrad * np.cos(azimuth),
        tilt_y_mrad=mistilt_mrad * np.sin(azimuth),
        convergence_mrad=20.0,
        mrad_per_pixel=mrad_per_pixel,
        rotation_deg=rng.uniform(0, 90),
    )
    electrons = np.maximum(synthesise(table, parameters, (size, size)), 0) * 1e7
    return rng.poisson(electrons).astype(np.uint16)


#: A label bundle whose networks measure the pattern without having learnt anything.
LABEL_SYSTEM = System(
    id=51,
    name="labels-001-300kV",
    material="Strontium titanate of labels",
    composition="SrTiO3",
    zone_axis=(0, 0, 1),
    high_tension_kV=300.0,
    convergence_mrad=(15.0, 25.0),
    thickness_nm=(10.0, 50.0),
    mistilt_mrad=(0.0, 4.0),
)
LABELS = {
    "Thickness": np.array([100.0, 200.0, 300.0, 400.0, 500.0]),
    "Mistilt": np.array([0.0, 1.0, 2.0, 4.0]),
    "Scale": np.array([0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4]),
}
SIZE = 48


def make_label_bundle(
    data: Path,
    table: Any,
    targets: tuple[str, ...] = TARGETS,
    system: System = LABEL_SYSTEM,
    with_table: bool = False,
    directions: np.ndarray | None = None,
) -> Path:
    """Write a label bundle into a data folder, and return its folder.

    With `directions`, it has a network for the tilt's direction that always gives them these
    probabilities, even around the circle.
    """
    whole = recorded_pattern(table, 30.0, size=96, mrad_per_pixel=26 / 48)
    share = locate(whole.astype(np.float32)).radius / 48
    folder = data / str(system.id) / "models" / "table"
    models = {t: TrainedModel(_measuring_network(t, share), LABELS[t], 3) for t in targets}
    if directions is not None:
        around = np.arange(len(directions)) * 360 / len(directions)
        models["Azimuth"] = TrainedModel(_constant_network(directions), around, 3)
    write_label_bundle(
        folder,
        system,
        models,
        FramePreparation(SIZE, (20.0,), (share,), 0.05),
        {"version": "test"},
        table if with_table else None,
    )
    return folder


def _measuring_network(target: str, share: float) -> bytes:
    """ONNX network whose answer follows a property of the image.

    The scale is the size of the bright area over the right one. The middle of the disk is
    the darker the thicker the crystal, which tells the thickness; the mistilt is made up.
    """
    labels = LABELS[target]
    area = np.pi * (share * SIZE / 2) ** 2 * 3
    centers = {
        "Thickness": np.array([0.217, 0.187, 0.171, 0.161, 0.150]),
        "Mistilt": np.linspace(0.22, 0.14, 4),
        "Scale": np.log(LABELS["Scale"]),
    }[target]
    constants = {
        "axes": np.array([1, 2, 3], np.int64),
        "sides": np.array([1, 2], np.int64),
        "starts": np.array([SIZE // 2 - 4] * 2, np.int64),
        "ends": np.array([SIZE // 2 + 4] * 2, np.int64),
        "zero": np.zeros(1, np.float32),
        "two": np.array([2], np.float32),
        "area": np.array([area], np.float32),
        "labels": centers[None].astype(np.float32),
        "width": np.array([-400 if target == "Scale" else -3e4], np.float32),
        "unused": np.zeros((1, 1), np.float32),
    }
    size = [
        helper.make_node("Greater", ["image", "zero"], ["bright"]),
        helper.make_node("Cast", ["bright"], ["ones"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["ones", "axes"], ["sum"], keepdims=0),
        helper.make_node("Div", ["sum", "area"], ["ratio"]),
        helper.make_node("Log", ["ratio"], ["log"]),
        helper.make_node("Div", ["log", "two"], ["flat"]),
    ]
    mean = [
        helper.make_node("Slice", ["image", "starts", "ends", "sides"], ["middle"]),
        helper.make_node("ReduceMean", ["middle", "axes"], ["flat"], keepdims=0),
    ]
    nodes = [
        *(size if target == "Scale" else mean),
        helper.make_node("Unsqueeze", ["flat", "one"], ["measured"]),
        # The angle is an input that must be there.
        helper.make_node("Mul", ["convergence", "unused"], ["nothing"]),
        helper.make_node("Add", ["measured", "nothing"], ["seen"]),
        helper.make_node("Sub", ["seen", "labels"], ["off"]),
        helper.make_node("Pow", ["off", "two"], ["square"]),
        helper.make_node("Mul", ["square", "width"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    constants["one"] = np.array([1], np.int64)
    return _model(nodes, constants, len(labels))


def _constant_network(probabilities: np.ndarray) -> bytes:
    """ONNX network that gives the same answer to every image."""
    constants = {
        "answer": np.log(np.maximum(probabilities, 1e-9))[None].astype(np.float32),
        "axes": np.array([1, 2, 3], np.int64),
        "one": np.array([1], np.int64),
        "unused": np.zeros((1, 1), np.float32),
    }
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["flat"], keepdims=0),
        helper.make_node("Unsqueeze", ["flat", "one"], ["mean"]),
        helper.make_node("Add", ["mean", "convergence"], ["seen"]),
        helper.make_node("Mul", ["seen", "unused"], ["nothing"]),
        helper.make_node("Add", ["nothing", "answer"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    return _model(nodes, constants, len(probabilities))


def _model(nodes: list[Any], constants: dict[str, np.ndarray], labels: int) -> bytes:
    graph = helper.make_graph(
        nodes,
        "labels",
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", SIZE, SIZE, 3]),
            helper.make_tensor_value_info("convergence", TensorProto.FLOAT, ["batch", 1]),
        ],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", labels])],
        [
            onnx.numpy_helper.from_array(value, name)
            for name, value in constants.items()
            if any(name in node.input for node in nodes)
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
