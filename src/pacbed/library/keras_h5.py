"""Keras models in ``.h5`` form, read without running anything from the file (extra ``keras``)."""

import json
import os
from pathlib import Path
from typing import Any

import h5py

from pacbed.bounded import parse_json
from pacbed.errors import BundleError, FileFormatError
from pacbed.held_folder import HeldFolder
from pacbed.links import check_hdf5

#: A description of layers longer than this is not read.
_LARGEST_DESCRIPTION = 2**24
#: Layers that would run code from the file.
_CODE = ("Lambda", "TFOpLambda", "SlicingOpLambda")
#: Layers that are models themselves.
_MODELS = ("Functional", "Model", "Sequential")
#: Entries that Keras 2 wrote for a layer and Keras 3 refuses; all of them say nothing there:
#: a separable convolution has one group, and its kernel is described by the depthwise and
#: pointwise ones.
_OUTDATED = {
    "SeparableConv2D": (
        "groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"
    ),
    "DepthwiseConv2D": ("groups",),
}  # fmt: skip


def load_h5(content: bytes) -> Any:
    """Load a Keras model; nothing from the file is run as code.

    Parameters
    ----------
    content : bytes
        A file that Keras 2 or 3 saved as ``.h5``.

    Returns
    -------
    keras.Model

    Raises
    ------
    BundleError
        If the file is no such model, has layers that hold code, or links to other files.
    """
    with HeldFolder("model") as folder:
        path = folder / "model.h5"
        path.write_bytes(content)
        try:
            check_hdf5(path, alone=True)
        except FileFormatError as error:
            said = str(error).removeprefix(f"{path}: ")
            raise BundleError(f"is not a Keras model that can be read: {said}") from None
        _mend(path)
        return _keras().saving.load_model(path, compile=False, safe_mode=True)


def _keras() -> Any:
    # Keras reads this when it is first imported; PyTorch is what the extra brings.
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    if keras.backend.backend() != "torch":
        raise BundleError(
            f"Keras runs on {keras.backend.backend()} here; set the variable KERAS_BACKEND to torch"
        )
    return keras


def _mend(path: Path) -> None:
    """Check a model's description, and take out what Keras 3 does not know any more."""
    try:
        with h5py.File(path, "r+") as file:
            text = file.attrs.get("model_config")
            if text is None:
                raise BundleError("holds no description of its layers; save the whole model")
            text = text.decode() if isinstance(text, bytes) else str(text)
            if len(text) > _LARGEST_DESCRIPTION:
                raise BundleError("its description of the layers is too long")
            description = parse_json(text)
            _check(description)
            del file.attrs["model_config"]
            file.attrs["model_config"] = json.dumps(description)
    except (OSError, ValueError) as error:
        raise BundleError(f"is not a Keras model in HDF5 ({error})") from error


def _renumber(layers: list[Any]) -> None:
    """Number the calls of a model within the model as Keras 3 does.

    Keras 2 counts a model's own making as its call 0, so that its first use is call 1;
    Keras 3 counts from 0. Its own files describe calls in another form, which stays.
    """
    inner = {
        layer.get("name")
        for layer in layers
        if isinstance(layer, dict) and layer.get("class_name") in _MODELS
    }
    for layer in layers:
        for node in layer.get("inbound_nodes") or () if isinstance(layer, dict) else ():
            for call in node if isinstance(node, list) else ():
                if isinstance(call, list) and len(call) > 1 and call[0] in inner and call[1] > 0:
                    call[1] -= 1


def _check(part: Any) -> None:
    """Walk through a description: refuse code, drop outdated entries."""
    if isinstance(part, list):
        for entry in part:
            _check(entry)
    elif isinstance(part, dict):
        name, module = part.get("class_name"), part.get("module")
        foreign = module is not None and str(module).split(".")[0] not in ("keras", "builtins")
        if name in _CODE or "__lambda__" in (name, module) or foreign:
            raise BundleError(
                f"has a layer of the kind {name!r}, whose code is not run from a file; "
                "save the model without it"
            )
        config = part.get("config")
        if isinstance(config, dict):
            for entry in _OUTDATED.get(str(name), ()):
                config.pop(entry, None)
            if isinstance(config.get("layers"), list):
                _renumber(config["layers"])
        for entry in part.values():
            _check(entry)
