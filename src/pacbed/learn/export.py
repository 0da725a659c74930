"""From trained networks to a bundle."""

import datetime
import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from pacbed.lacbed.table import LacbedTable
from pacbed.learn.network import Locator, Reader
from pacbed.library.models.bundle import write_bundle
from pacbed.library.recipe import Recipe
from pacbed.pattern.crystal_frame import FRAME_SIZE, plane_operations
from pacbed.pattern.preprocess import APERTURE_PX, INPUT_SIZE
from pacbed.version import __version__

#: Weights with more elements than this are stored in half precision, or as bytes.
_LARGE, _VERY_LARGE = 50_000, 1_000_000


def locator_to_onnx(locator: Locator) -> bytes:
    """Export a locator to ONNX with a free batch size.

    Parameters
    ----------
    locator : Locator

    Returns
    -------
    bytes
        Inputs ``frames`` (B, 1, 96, 96) and ``convergence_mrad`` (B,), output
        ``geometry`` (B, 8).
    """
    example = (torch.zeros(2, 1, INPUT_SIZE, INPUT_SIZE), torch.full((2,), 20.0))
    return to_onnx(locator, example, ["frames", "convergence_mrad"], ["geometry"], shorten=True)


def reader_to_onnx(reader: Reader) -> bytes:
    """Export a reader to ONNX with a free batch size.

    Parameters
    ----------
    reader : Reader

    Returns
    -------
    bytes
        Inputs ``values`` (B, 72²), ``folded_mrad`` (B, 2) and ``convergence_mrad``
        (B,), outputs ``thickness`` (B, bins) and ``errors`` (B, 7).
    """
    example = (torch.zeros(2, FRAME_SIZE**2), torch.zeros(2, 2), torch.full((2,), 20.0))
    inputs = ["values", "folded_mrad", "convergence_mrad"]
    return to_onnx(reader, example, inputs, ["thickness", "errors"], shorten=True)


def to_onnx(
    network: nn.Module,
    example: tuple[torch.Tensor, ...],
    inputs: list[str],
    outputs: list[str],
    shorten: bool = False,
) -> bytes:
    """Export a network to ONNX with a free batch size.

    Parameters
    ----------
    network : Module
    example : tuple of Tensor
        Inputs; the first axis is the batch.
    inputs, outputs : list of str
        Names.
    shorten : bool
        Store large weights in fewer bits.

    Returns
    -------
    bytes
    """
    network = network.eval()
    for parameter in network.parameters():
        parameter.data = parameter.data.contiguous()
    batch = torch.export.Dim("batch", min=1, max=4096)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The exporter warns of its own internals.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            network,
            example,
            str(path),
            dynamo=True,
            external_data=False,
            input_names=inputs,
            output_names=outputs,
            dynamic_shapes=tuple({0: batch} for _ in example),
            verbose=False,
        )
        model = onnx.load(path)
    forget_origin(model)
    if shorten:
        model = _shorten_weights(model)
    return bytes(model.SerializeToString())


def forget_origin(model: onnx.ModelProto) -> None:
    """Remove the exporter's notes, which hold source paths of the machine."""
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    for part in (model, model.graph, *model.graph.input, *model.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""


def _shorten_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large weights in fewer bits; they are widened when the model loads.

    Half precision, or, for the reader's first layer, bytes with a scale for each
    output, whose rounding (0.3 % of a row's largest weight) averages out over the
    thousands of pixels.
    """
    graph = model.graph
    widened = []
    for weight in list(graph.initializer):
        size = int(np.prod(weight.dims))
        if weight.data_type != TensorProto.FLOAT or size < _LARGE:
            continue
        values = numpy_helper.to_array(weight)
        graph.initializer.remove(weight)
        stored = f"{weight.name}_stored"
        if size < _VERY_LARGE:
            graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), stored))
            widened.append(helper.make_node("Cast", [stored], [weight.name], to=TensorProto.FLOAT))
            continue
        axis = int(np.argmin(values.shape))
        scale = np.abs(values).max(axis=1 - axis, keepdims=True).astype(np.float32) / 127
        bytes_ = np.round(values / np.maximum(scale, 1e-30)).astype(np.int8)
        graph.initializer.append(numpy_helper.from_array(bytes_, stored))
        graph.initializer.append(numpy_helper.from_array(scale, f"{weight.name}_scale"))
        wide = f"{weight.name}_wide"
        widened += [
            helper.make_node("Cast", [stored], [wide], to=TensorProto.FLOAT),
            helper.make_node("Mul", [wide, f"{weight.name}_scale"], [weight.name]),
        ]
    for node in reversed(widened):
        graph.node.insert(0, node)
    onnx.checker.check_model(model)
    return model


def export_bundle(
    folder: Path,
    recipe: Recipe,
    locator: Locator,
    reader: Reader,
    table: LacbedTable,
    training: dict[str, Any],
) -> None:
    """Write the bundle of a trained system.

    Parameters
    ----------
    folder : Path
    recipe : Recipe
    locator : Locator
    reader : Reader
    table : LacbedTable
    training : dict
        Provenance of the training.
    """
    options = reader.options
    write_bundle(
        folder,
        recipe.system,
        locator_to_onnx(locator),
        reader_to_onnx(reader),
        table,
        {
            "size": INPUT_SIZE,
            "aperture_px": APERTURE_PX,
            "frame_size": FRAME_SIZE,
            "thickness_bins": options.thickness_bins,
            "rotation_order": options.rotation_order,
            "operations": plane_operations(table.geometry).round(12).tolist(),
        },
        {
            "version": __version__,
            "date": datetime.date.today().isoformat(),
            "recipe": recipe.path.name,
            "recipe_text": recipe.path.read_text(encoding="utf-8"),
            "table": table.provenance,
            "training": training,
        },
    )
