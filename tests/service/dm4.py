"""Just enough of DigitalMicrograph 4's format to write a pattern with its voltage."""

import struct
from typing import Any

import numpy as np

_SCALARS = {5: "<L", 7: "<d", 8: "<?"}
_DATA_TYPES = {"uint16": (4, 10), "float32": (6, 2), "uint8": (10, 6)}


def _entry(kind: bytes, name: str, body: bytes) -> bytes:
    return kind + struct.pack(">H", len(name)) + name.encode() + struct.pack(">Q", len(body)) + body


def _content(*tags: bytes) -> bytes:
    return b"\1\0" + struct.pack(">Q", len(tags)) + b"".join(tags)


def group(name: str, *tags: bytes) -> bytes:
    return _entry(b"\x14", name, _content(*tags))


def tag(name: str, kind: int, value: Any) -> bytes:
    if isinstance(value, str):
        info, data = (20, 4, len(value)), value.encode("utf-16-le")
    elif isinstance(value, np.ndarray):
        info, data = (20, kind, value.size), value.tobytes()
    else:
        info, data = (kind,), struct.pack(_SCALARS[kind], value)
    head = b"%%%%" + struct.pack(f">{len(info) + 1}Q", len(info), *info)
    return _entry(b"\x15", name, head + data)


def dm4_bytes(
    array: np.ndarray,
    voltage: float = 300e3,
    axes: tuple[tuple[str, float], ...] | None = None,
    swapped: bool | None = None,
    stage_deg: tuple[float, float] | None = None,
) -> bytes:
    """A pattern, a stack or a scan as a dm4 file.

    `axes` are the units and scales of the array's axes; `swapped` says in the tags of a scan
    whether its axes come first in the array; `stage_deg` are the stage's α and β.
    """
    element, data_type = _DATA_TYPES[array.dtype.name]

    def calibration(name: str, unit: str = "", scale: float = 1.0) -> bytes:
        return group(name, tag("Origin", 7, 0.0), tag("Scale", 7, scale), tag("Units", 4, unit))

    known = axes or (("", 1.0),) * array.ndim
    data_order = () if swapped is None else (
        group("Meta Data", tag("Format", 4, "Diffraction image"),
              tag("Data Order Swapped", 8, swapped)),
    )  # fmt: skip

    stage = () if stage_deg is None else (
        group("Stage Position", tag("Stage Alpha", 7, stage_deg[0]),
              tag("Stage Beta", 7, stage_deg[1])),
    )  # fmt: skip

    image = group(
        "",
        group(
            "ImageData",
            group(
                "Calibrations",
                calibration("Brightness"),
                group("Dimension", *[calibration("", *axis) for axis in known[::-1]]),
            ),
            tag("Data", element, array.ravel()),
            tag("DataType", 5, data_type),
            group("Dimensions", *[tag("", 5, size) for size in array.shape[::-1]]),
        ),
        group(
            "ImageTags", group("Microscope Info", tag("Voltage", 7, voltage), *stage), *data_order
        ),
        tag("Name", 4, "pacbed"),
    )
    root = _content(group("ImageList", image))
    return struct.pack(">IQI", 4, len(root), 1) + root
