"""From a Keras model to ONNX, so that inference needs no Keras."""

import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from pacbed.earlier.keras_h5 import load_h5
from pacbed.errors import BundleError
from pacbed.infer.labels.networks import image_input, input_places
from pacbed.learn.export import forget_origin
from pacbed.onnx_session import open_session

#: Largest difference of a probability between the two.
_TOLERANCE = 1e-3
_CHECKS = 3


class _Ordered(nn.Module):
    """The model with the image before the convergence angle."""

    def __init__(self, model: Any, image_first: bool) -> None:
        super().__init__()
        self._model = model
        self._image_first = image_first

    def forward(self, image: torch.Tensor, convergence: torch.Tensor) -> torch.Tensor:
        inputs = [image, convergence] if self._image_first else [convergence, image]
        found: torch.Tensor = self._model(inputs, training=False)
        return found


def keras_to_onnx(content: bytes) -> tuple[bytes, tuple[int, int, int]]:
    """Turn a Keras model that chooses among labels into ONNX, and compare the two.

    Parameters
    ----------
    content : bytes
        The ``.h5`` file.

    Returns
    -------
    network : bytes
        ONNX: inputs ``image`` (B, rows, columns, channels) and ``convergence`` (B, 1),
        output ``probabilities`` (B, labels).
    input : tuple of int
        Rows, columns and channels of the image.

    Raises
    ------
    BundleError
        If the model is not of this kind, or ONNX Runtime answers otherwise than Keras.
    """
    model = load_h5(content)
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    image, _ = input_places(shapes)
    shape = image_input(shapes[image])
    ordered = _Ordered(model, image == 0).eval()
    network = _export(ordered, (torch.zeros(2, *shape), torch.zeros(2, 1)))
    _compare(ordered, network, shape)
    return network, shape


def _export(module: nn.Module, example: tuple[torch.Tensor, ...]) -> bytes:
    batch = torch.export.Dim("batch")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The exporter warns of its own use of outdated calls.
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            module,
            example,
            path,
            input_names=["image", "convergence"],
            output_names=["probabilities"],
            dynamic_shapes=({0: batch}, {0: batch}),
            dynamo=True,
            verbose=False,
            external_data=False,
        )
        model = onnx.load(path)
    forget_origin(model)
    return bytes(model.SerializeToString())


def _compare(module: nn.Module, network: bytes, shape: tuple[int, int, int]) -> None:
    session = open_session(network)
    rng = np.random.default_rng(0)
    for _ in range(_CHECKS):
        image = rng.uniform(-1, 1, (1, *shape)).astype(np.float32)
        angle = rng.uniform(0, 1, (1, 1)).astype(np.float32)
        with torch.no_grad():
            wanted = module(torch.from_numpy(image), torch.from_numpy(angle)).numpy()
        found = session.run(None, {"image": image, "convergence": angle})[0]
        worst = float(np.abs(found - wanted).max())
        if not worst < _TOLERANCE:
            raise BundleError(
                f"its export to ONNX answers otherwise than Keras (probabilities differ by "
                f"{worst:.2g}); serve the .h5 model as it is, with the extra keras"
            )
