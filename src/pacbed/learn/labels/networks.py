"""Making label networks by the name of their backbone."""

from pathlib import Path

import torch

from pacbed.errors import BundleError
from pacbed.learn.labels.compact import CompactNetwork
from pacbed.learn.labels.direction import DirectionNetwork
from pacbed.learn.labels.keras_backbone import KerasNetwork
from pacbed.learn.labels.options import COMPACT, DIRECTION, TableTraining

LabelNetwork = CompactNetwork | DirectionNetwork | KerasNetwork


def make_network(options: TableTraining, target: str, labels: int) -> LabelNetwork:
    """Make a network with random (or, on request, pretrained) weights.

    Parameters
    ----------
    options : TableTraining
    target : str
        What it says: the compact network for the tilt's direction is another one.
    labels : int
        Number of labels that it tells apart.
    """
    if options.backbone != COMPACT:
        return KerasNetwork(options.backbone, options.input_size, labels, options.pretrained)
    kind = DirectionNetwork if target == DIRECTION else CompactNetwork
    network = kind(options.input_size, labels)
    # Channels-last convolutions are about 1.3 times faster on processors.
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def weights_name(target: str, backbone: str) -> str:
    """Name of the file of weights inside a bundle."""
    return f"weights/{target}.{'safetensors' if backbone == COMPACT else 'h5'}"


def transfer_file(model: Path, target: str, backbone: str) -> Path:
    """The weights of another model's target that a training can start from.

    Raises
    ------
    BundleError
        If it has none for this target and backbone.
    """
    path = model / weights_name(target, backbone)
    if not path.is_file():
        raise BundleError(
            f"{model}: has no {weights_name(target, backbone)} to start from: give the folder of a "
            f"model that was trained from a table with --backbone {backbone} and this target."
        )
    return path
