"""What stands beside the arrays of an HDF5 file: attributes, axes, and its default."""

from typing import Any

import numpy as np

#: Tags that are longer are no conditions of a recording.
LONGEST_TEXT = 200
#: A chain of names ends here.
_DEEPEST = 40


def read_attributes(item: Any) -> dict[str, Any]:
    """Attributes that are single values and short texts."""
    found = {}
    for name in item.attrs:
        try:
            value = item.attrs[name]
        except (OSError, TypeError, KeyError):  # of types that h5py has not
            continue
        if isinstance(value, np.ndarray):
            if value.size != 1:
                continue
            value = value.reshape(-1)[0]
        if not isinstance(value, str | bytes) or len(value) <= LONGEST_TEXT:
            found[name] = value
    return found


def default_array(file: Any) -> str | None:
    """The array that a NeXus file calls its default: a chain of names, then its signal."""
    group, place = file, ""
    for _ in range(_DEEPEST):
        name = _text(group.attrs.get("default"))
        if name is None or not hasattr(group.get(name), "attrs"):
            break
        group, place = group[name], f"{place}/{name}"
    signal = _text(group.attrs.get("signal"))
    return None if signal is None or not place else f"{place}/{signal}".strip("/")


def read_axes(group: Any, item: Any) -> list[dict[str, Any]]:
    """Name, step and unit of each axis, where the group in which an array was met holds them."""
    axes: list[dict[str, Any]] = [{} for _ in range(item.ndim)]
    # Berkeley's and py4DSTEM's from 0, the older of both from 1.
    first = 0 if "dim0" in group else 1
    names = [f"dim{first + n}" for n in range(item.ndim)]
    if names[0] not in group:
        named = group.attrs.get("axes")
        names = [] if named is None else [_text(n) or "." for n in np.atleast_1d(named)]
    for n, name in enumerate(names[: item.ndim]):
        axis = group.get(name) if name not in (".", "") else None
        if axis is None or not hasattr(axis, "dtype"):
            continue
        axes[n] = {
            "name": _text(axis.attrs.get("name")) or _text(axis.attrs.get("long_name")) or name,
            "units": _text(axis.attrs.get("units")),
            "scale": _step(axis),
        }
    return axes


def _step(axis: Any) -> float | None:
    if axis.ndim != 1 or axis.size < 2 or axis.dtype.kind not in "iuf":
        return None
    first, second = (float(value) for value in axis[:2])
    return abs(second - first)


def _text(value: Any) -> str | None:
    if isinstance(value, np.ndarray):
        value = value.reshape(-1)[0] if value.size == 1 else None
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    return value if isinstance(value, str) and len(value) <= LONGEST_TEXT else None
