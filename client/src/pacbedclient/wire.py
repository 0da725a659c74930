"""The request for an inference, in the service's wire format."""

import io
import json
import os
from typing import Any, Dict, Optional, Sequence, Tuple, Union

import numpy as np

from pacbedclient.arrays import raw_pattern
from pacbedclient.errors import PatternError
from pacbedclient.multipart import Part, encode

INFERENCE_PATH = "/inference/"


def inference_form(
    pattern: Any,
    parameters: Dict[str, Any],
    mask: Any = None,
    microscope: Any = None,
    **described: Any,
) -> Tuple[bytes, str]:
    """Return body and content type of a request for an inference.

    Parameters
    ----------
    pattern : array_like or path
        Intensities ``[row, column]``, or a file in a format that the service reads.
    parameters : dict
        Everything but ``file_params``, which this function adds.
    mask : array_like or path, optional
        Not 0 where a pixel says nothing.
    microscope : path, optional
        What ``pacbed calibrate-microscope`` wrote.
    **described
        ``frame`` and ``dataset``, where the file holds several; None is left out.

    Raises
    ------
    PatternError
        The pattern cannot be sent, or the file not be read.
    """
    file_params, filename, content = _upload(pattern)
    file_params.update({name: value for name, value in described.items() if value is not None})
    text = json.dumps(dict(parameters, file_params=file_params), default=_plain)
    parts = [
        Part("parameters", "", "application/json", text.encode("utf-8")),
        Part("file", filename, "application/octet-stream", content),
    ]
    if mask is not None:
        parts.append(mask_part(mask))
    if microscope is not None:
        parts.append(microscope_part(microscope))
    return encode(parts)


def microscope_part(microscope: Any) -> Part:
    """Return the part of a request with what ``pacbed calibrate-microscope`` wrote.

    Parameters
    ----------
    microscope : path

    Raises
    ------
    PatternError
        The file cannot be read.
    """
    _, name, stored = _upload(os.fspath(microscope))
    return Part("microscope", name, "application/octet-stream", stored)


def mask_part(mask: Any) -> Part:
    """Return the part of a request that says which pixels say nothing.

    Parameters
    ----------
    mask : array_like or path
        Not 0 where a pixel says nothing; or a file that the service reads.

    Raises
    ------
    PatternError
        The mask has not two dimensions, or its file cannot be read.
    """
    if isinstance(mask, (str, os.PathLike)):
        _, name, content = _upload(mask)
        return Part("mask", name, "application/octet-stream", content)
    array = np.asarray(mask)
    if array.ndim != 2:
        raise PatternError(f"a mask has two dimensions, this array has the shape {array.shape}")
    stored = io.BytesIO()
    np.save(stored, np.ascontiguousarray(array != 0).astype(np.uint8), allow_pickle=False)
    return Part("mask", "mask.npy", "application/octet-stream", stored.getvalue())


def inference_parameters(
    system: Optional[Union[str, int]],
    material: Optional[str],
    high_tension_kV: Optional[float],
    zone_axis: Sequence[int],
    convergence_mrad: Optional[float],
) -> Dict[str, Any]:
    """Return the part of a request that names the system, in one of its two forms.

    Raises
    ------
    ValueError
        Neither a system nor material, high tension and convergence semi-angle are given.
    """
    if system is not None:
        if material is not None or high_tension_kV is not None:
            raise ValueError("give either the system, or material and high tension")
        named = {"system": system}
        return (
            named if convergence_mrad is None else {**named, "convergence_angle": convergence_mrad}
        )
    if material is None or high_tension_kV is None:
        raise ValueError("give the system, or material and high tension")
    if convergence_mrad is None:
        raise ValueError("give the system, or the convergence semi-angle beside the material")
    voltage = 1000 * high_tension_kV
    return {"physical_params": physical_params(material, voltage, convergence_mrad, zone_axis)}


def physical_params(
    material: str, voltage: Any, convergence_mrad: Any, zone_axis: Any
) -> Dict[str, Any]:
    """Return what the wire format calls so: voltage in V, convergence semi-angle in mrad."""
    u, v, w = zone_axis
    return {
        "acceleration_voltage": voltage,
        "crystal_structure": material,
        "zone_axis": {"u": u, "v": v, "w": w},
        "convergence_angle": convergence_mrad,
    }


def _upload(pattern: Any) -> Tuple[Dict[str, Any], str, bytes]:
    if isinstance(pattern, (str, os.PathLike)):
        path = os.fspath(pattern)
        try:
            with open(path, "rb") as file:
                return {"typ": "auto"}, os.path.basename(path), file.read()
        except OSError as error:
            raise PatternError(f"{path}: {error.strerror or error}") from None
    raw = raw_pattern(pattern)
    file_params = {"typ": "raw", "dtype": raw.dtype, "width": raw.width, "height": raw.height}
    return file_params, "pacbed.raw", raw.data


def _plain(value: Any) -> Any:
    """Turn NumPy's numbers into Python's for JSON."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{value!r} cannot be sent as a parameter")
