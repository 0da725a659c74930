"""A map as files: everything in one, a picture and a table.

``.npz`` holds every array as it is; ``.hspy`` and ``.zspy`` hold a stack of maps with
calibrated axes, for HyperSpy. Files are written whole or not at all.
"""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.errors import FileFormatError, MissingExtraError
from pacbed.files import write_atomically
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.maps.fields import IN_SCAN
from pacbed.maps.layers import STATUS_NAMES
from pacbed.maps.thickness_map import ThicknessMap
from pacbed.scans.orientation import ScanOrientation
from pacbed.scans.signal_file import EMPTY_SIGNAL, write_signal

#: Endings of the file that holds everything.
ENDINGS = (".npz", ".hspy", ".zspy")
_FORMAT = 1


def save_map(path: Path, result: ThicknessMap) -> None:
    """Write a map with all that belongs to it.

    Parameters
    ----------
    path : Path
        Ending in one of ``ENDINGS``.
    result : ThicknessMap

    Raises
    ------
    FileFormatError
        If the ending is another one, or the file cannot be written.
    MissingExtraError
        See :func:`check_ending`.
    """
    check_ending(path)
    if path.suffix.lower() == ".npz":
        write_atomically(path, _npz(result))
    else:
        write_signal(path, to_signal(result))


def check_ending(path: Path) -> None:
    """Refuse a file that could not be written later, before anything is computed.

    Raises
    ------
    FileFormatError
        If the name has another ending than ``ENDINGS``.
    MissingExtraError
        If ``.zspy`` is asked for and zarr is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in ENDINGS:
        raise FileFormatError(f"{path}: end the name in {', '.join(ENDINGS)}.")
    if suffix == ".zspy":
        try:
            import zarr  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                f"{path}: writing zspy needs zarr: pip install 'pacbed-cnn[zspy]', or give a name "
                "that ends in .hspy or .npz."
            ) from error


def load_map(path: Path) -> ThicknessMap:
    """Read a map that :func:`save_map` wrote as ``.npz``.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            header = json.loads(arrays["header"].tobytes())
            if header["format"] != _FORMAT:
                raise ValueError(f"format {header['format']}")
            names = [f.name for f in dataclasses.fields(ThicknessMap)]
            plain = {n: arrays[n] for n in names if n in arrays.files}
            layers = {
                n.removeprefix("alternatives/"): arrays[n]
                for n in arrays.files
                if n.startswith("alternatives/")
            }
            return ThicknessMap(
                system=header["system"],
                alternatives=layers,
                position_px=(arrays["row_px"], arrays["column_px"]),
                position_nm=(arrays["row_nm"], arrays["column_nm"])
                if "row_nm" in arrays.files
                else None,
                geometry=geometry_from_dict(header["geometry"]),
                warnings=tuple(header["warnings"]),
                settings=header["settings"],
                provenance=header["provenance"],
                orientation=_orientation(header.get("orientation")),
                **plain,
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise FileFormatError(
            f"{path}: is not a map written by pacbed map as .npz ({error}): make it again."
        ) from error


def description(result: ThicknessMap) -> dict[str, Any]:
    """What belongs to a map beside its arrays, as plain values."""
    return {
        "system": result.system,
        "status_names": list(STATUS_NAMES),
        "counts": result.counts(),
        "geometry": dataclasses.asdict(result.geometry),
        "orientation": None
        if result.orientation is None
        else dataclasses.asdict(result.orientation),
        "pixels_left_out": result.pixels_left_out,
        "warnings": list(result.warnings),
        "settings": result.settings,
        "provenance": result.provenance,
    }


def geometry_from_dict(values: dict[str, Any]) -> SharedGeometry:
    """A geometry from what JSON keeps of it."""
    plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return SharedGeometry(**plain)


def _orientation(values: dict[str, Any] | None) -> ScanOrientation | None:
    return None if values is None else ScanOrientation(**values)


def to_signal(result: ThicknessMap) -> dict[str, Any]:
    """A map as a signal in HyperSpy's scheme: a stack of maps over calibrated axes.

    Parameters
    ----------
    result : ThicknessMap

    Returns
    -------
    dict
        For a ``file_writer`` of RosettaSciIO, or for HyperSpy.
    """
    names = [field.name for field in result.fields]
    maps = [np.asarray(getattr(result, name), np.float32) for name in names]
    layers = result.alternatives
    for number in range(layers["probability"].shape[-1]):
        for name in ("thickness_nm", "probability"):
            names.append(f"solution_{number}_{name}")
            maps.append(layers[name][..., number].astype(np.float32))
    places, unit = (
        (result.position_nm, "nm") if result.position_nm is not None else (result.position_px, "px")
    )
    axes: list[dict[str, Any]] = [
        {"name": "map", "size": len(maps), "offset": 0.0, "scale": 1.0, "units": "",
         "navigate": True, "index_in_array": 0},
    ]  # fmt: skip
    for index, (name, place) in enumerate(zip(("y", "x"), places, strict=True), start=1):
        step = float(place[1] - place[0]) if len(place) > 1 else 1.0
        axes.append(
            {"name": name, "size": len(place), "offset": float(place[0]), "scale": step,
             "units": unit, "navigate": False, "index_in_array": index}
        )  # fmt: skip
    return {
        "data": np.stack(maps),
        "axes": axes,
        "metadata": {
            "General": {"title": f"Thickness map, {result.system}"},
            "Signal": {"signal_type": ""},
            "PACBED": {"maps": names, "description": json.dumps(description(result))},
        },
        **EMPTY_SIGNAL,
    }


def _npz(result: ThicknessMap) -> bytes:
    header = {"format": _FORMAT, **description(result)}
    arrays: dict[str, Any] = {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "row_px": result.position_px[0],
        "column_px": result.position_px[1],
    }
    if result.position_nm is not None:
        arrays |= {"row_nm": result.position_nm[0], "column_nm": result.position_nm[1]}
    if result.orientation is not None:
        # For other programs; it follows from the orientation.
        arrays |= {name: getattr(result, name) for name in IN_SCAN}
    for field in dataclasses.fields(ThicknessMap):
        value = getattr(result, field.name)
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
    arrays |= {f"alternatives/{name}": values for name, values in result.alternatives.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
