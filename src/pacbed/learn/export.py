"""From a trained network to a bundle."""

import datetime
import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

import pacbed
from pacbed.lacbed.table import LacbedTable
from pacbed.learn.network import PacbedNetwork
from pacbed.library.bundle import write_bundle
from pacbed.library.recipe import Recipe
from pacbed.pattern.preprocess import APERTURE_PX, INPUT_SIZE


def to_onnx(network: PacbedNetwork) -> bytes:
    """Export a network to ONNX with a free batch size.

    Parameters
    ----------
    network : PacbedNetwork

    Returns
    -------
    bytes
        Inputs ``frames`` (B, 1, 96, 96) and ``convergence_mrad`` (B,), outputs
        ``thickness`` (B, bins) and ``geometry`` (B, 9).
    """
    network = network.eval()
    for parameter in network.parameters():
        parameter.data = parameter.data.contiguous()
    batch = torch.export.Dim("batch", min=1, max=4096)
    example = (torch.zeros(2, 1, INPUT_SIZE, INPUT_SIZE), torch.full((2,), 20.0))
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
            input_names=["frames", "convergence_mrad"],
            output_names=["thickness", "geometry"],
            dynamic_shapes=({0: batch}, {0: batch}),
            verbose=False,
        )
        return path.read_bytes()


def export_bundle(
    folder: Path,
    recipe: Recipe,
    network: PacbedNetwork,
    table: LacbedTable,
    training: dict[str, Any],
) -> None:
    """Write the bundle of a trained network.

    Parameters
    ----------
    folder : Path
    recipe : Recipe
    network : PacbedNetwork
    table : LacbedTable
    training : dict
        Provenance of the training.
    """
    options = network.options
    write_bundle(
        folder,
        recipe.system,
        to_onnx(network),
        table,
        {
            "size": INPUT_SIZE,
            "aperture_px": APERTURE_PX,
            "thickness_bins": options.thickness_bins,
            "rotation_order": options.rotation_order,
        },
        {
            "version": pacbed.__version__,
            "date": datetime.date.today().isoformat(),
            "recipe": recipe.path.name,
            "recipe_text": recipe.path.read_text(encoding="utf-8"),
            "table": table.provenance,
            "training": training,
        },
    )
