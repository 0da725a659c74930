"""Networks of ``keras.applications`` as label networks, on Keras' torch backend."""

import importlib.util
import logging
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pacbed.errors import BundleError, MissingExtraError, OutOfRangeError
from pacbed.links import check_hdf5

#: Width of the dense layer between the joined features and the labels.
_WIDTH = 256


class KerasNetwork(nn.Module):
    """A backbone of Keras, its features joined by the convergence angle, and dense layers.

    Parameters
    ----------
    name : str
        Of a network in ``keras.applications``, such as ``Xception``.
    size : int
        Pixels of a frame along one side.
    labels : int
    pretrained : str, optional
        ``imagenet``, or a file of weights without top layers.

    Raises
    ------
    MissingExtraError
        If Keras is not installed.
    OutOfRangeError
        If there is no such network, or it cannot take frames of this size.
    BundleError
        If the weights cannot be had.
    """

    def __init__(self, name: str, size: int, labels: int, pretrained: str | None = None) -> None:
        super().__init__()
        keras = import_keras()
        # Names of layers, and of the weights in a checkpoint, are counted from here on.
        keras.utils.clear_session()
        self._base = _application(keras, name, size, pretrained)
        image = keras.Input((size, size, 3), name="image")
        convergence = keras.Input((1,), name="convergence")
        joined = keras.layers.Concatenate(name="join")([self._base(image), convergence])
        self._top = [
            keras.layers.Dense(_WIDTH, activation="relu", name="top"),
            keras.layers.Dense(labels, name="logits"),
        ]
        for layer in self._top:
            joined = layer(joined)
        self.model = keras.Model([image, convergence], joined, name="label_network")

    def forward(self, image: torch.Tensor, convergence: torch.Tensor) -> torch.Tensor:
        """Return logits (B, labels) of images (B, size, size, 3) and angles (B, 1)."""
        logits: torch.Tensor = self.model([image, convergence], training=self.training)
        return logits

    def freeze_body(self, frozen: bool) -> None:
        """Train the last layers alone, or all."""
        self._base.trainable = not frozen

    def save(self, path: Path) -> None:
        """Write the network with a softmax at its end as ``.h5``."""
        keras = import_keras()
        probabilities = keras.layers.Softmax(name="probabilities")(self.model.output)
        # Keras advises another format each time; .h5 is what the earlier system reads.
        log = logging.getLogger("absl")
        level = log.level
        log.setLevel(logging.ERROR)
        try:
            keras.Model(self.model.inputs, probabilities, name="label_model").save(path)
        finally:
            log.setLevel(level)

    def start_from(self, path: Path) -> None:
        """Take the weights of an ``.h5`` of the same backbone; the labels may differ.

        Raises
        ------
        BundleError
            If the file is no such network.
        """
        keras = import_keras()
        try:
            check_hdf5(path, alone=False)
            old = keras.models.load_model(path, compile=False)
        except Exception as error:  # Keras and h5py raise many classes
            raise BundleError(f"{path}: cannot be read as a Keras model ({error}).") from error
        before = {layer.name: layer for layer in old.layers}
        taken = 0
        for layer in self.model.layers:
            weights = before[layer.name].get_weights() if layer.name in before else []
            have = [tuple(w.shape) for w in layer.get_weights()]
            if weights and [w.shape for w in weights] == have:
                layer.set_weights(weights)
                taken += layer is self._base
        if not taken:
            raise BundleError(
                f"{path}: has no {self._base.name} in it: give a model with the same --backbone."
            )


def import_keras() -> Any:
    """Import Keras on its torch backend.

    Raises
    ------
    MissingExtraError
        If it is not installed, or runs on another backend.
    """
    if importlib.util.find_spec("keras") is None:
        raise MissingExtraError(
            "a backbone other than the compact one needs Keras, which is not installed: "
            "pip install 'pacbed-cnn[keras]'."
        )
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    if keras.backend.backend() != "torch":
        raise MissingExtraError(
            f"Keras runs on {keras.backend.backend()} here: set KERAS_BACKEND=torch."
        )
    return keras


def backbone_names() -> list[str]:
    """Networks of ``keras.applications``."""
    applications = import_keras().applications
    return sorted(n for n in dir(applications) if n[0].isupper())


def _application(keras: Any, name: str, size: int, pretrained: str | None) -> Any:
    if name not in backbone_names():
        raise OutOfRangeError(
            f"--backbone {name} is unknown; give compact or one of {', '.join(backbone_names())}."
        )
    if pretrained not in (None, "imagenet") and not Path(str(pretrained)).is_file():
        raise BundleError(f"{pretrained}: there is no such file of weights; check --pretrained.")
    make = getattr(keras.applications, name)
    shape: dict[str, Any] = {"include_top": False, "input_shape": (size, size, 3), "pooling": "avg"}
    try:
        base = make(weights=None, **shape)
    except ValueError as error:
        raise OutOfRangeError(
            f"{name} cannot take frames of {size} pixels ({_first_line(error)}): "
            "give another --input-size."
        ) from error
    if pretrained is None:
        return base
    try:
        if pretrained == "imagenet":
            return make(weights="imagenet", **shape)
        check_hdf5(Path(pretrained), alone=False)
        base.load_weights(pretrained)
    except Exception as error:  # the download and h5py raise many classes
        if pretrained == "imagenet":
            raise BundleError(
                f"the ImageNet weights of {name} cannot be fetched ({_first_line(error)}): fetch "
                "the file ..._notop.h5 that the message names on another computer, "
                "and give it with --pretrained FILE."
            ) from error
        raise BundleError(
            f"{pretrained}: holds no weights of {name} without top layers ({_first_line(error)})."
        ) from error
    return base


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
