"""What RosettaSciIO found in a file, as the few numbers that matter here."""

from collections.abc import Iterator, Mapping
from typing import Any

from pacbed.readers.axis_units import angle_mrad, length_nm
from pacbed.readers.measurement import Metadata
from pacbed.readers.tags import (
    Tag,
    as_convergence,
    as_high_tension,
    as_number,
    as_signed,
    find_angle_per_pixel,
    find_camera_length,
    find_convergence,
    find_high_tension,
    read_tags,
)

#: Largest relative difference of the calibrations of rows and columns.
_SQUARE_PIXELS = 0.01
#: A stage's angles are smaller than this.
_LARGEST_TILT_DEG = 90.0
#: A pixel that sees more than this, mrad, is of another thing than a diffraction pattern.
_LARGEST_ANGLE = 50.0


def read_metadata(signal: Mapping[str, Any]) -> Metadata:
    """Collect the conditions of a recording from a RosettaSciIO signal.

    Parameters
    ----------
    signal : mapping
        One dictionary of a ``file_reader``: ``axes``, ``metadata`` (HyperSpy's
        scheme) and ``original_metadata`` (the tags of the file).

    Returns
    -------
    Metadata
        Entries that the file has not, or that make no sense, are None.
    """
    hyperspy = signal.get("metadata") or {}
    original = signal.get("original_metadata") or {}
    tem = _microscope(hyperspy)
    tags = read_tags(original)
    high_tension = _first(as_high_tension(tem.get("beam_energy")), find_high_tension(tags))
    length = _camera_length(tem, original, tags)
    info = _find(original, "Microscope Info")
    alpha, beta = _stage_angles(tem, info)
    angles = _angles_per_pixel(signal.get("axes") or [], tags, high_tension, length)
    return Metadata(
        high_tension_kV=high_tension,
        convergence_mrad=_first(
            as_convergence(tem.get("convergence_angle")), find_convergence(tags)
        ),
        mrad_per_pixel=_common(angles),
        mrad_per_pixel_axes=angles,
        camera_length_mm=length,
        stage_alpha_deg=alpha,
        stage_beta_deg=beta,
        extra=_extra(hyperspy, tem, info),
    )


def _microscope(hyperspy: Mapping[str, Any]) -> Mapping[str, Any]:
    """HyperSpy's entry of the microscope; a scanning one may transmit too."""
    return _descend(hyperspy, "Acquisition_instrument", "TEM") or _descend(
        hyperspy, "Acquisition_instrument", "SEM"
    )


def _stage_angles(
    tem: Mapping[str, Any], info: Mapping[str, Any]
) -> tuple[float | None, float | None]:
    """Angles α and β of the stage in degrees; None of both where one is missing or makes no sense.

    A file of another holder, or of a program that does not know the stage, has one or none.
    """
    for group, names in (
        (tem.get("Stage"), ("tilt_alpha", "tilt_beta")),
        (info.get("Stage Position"), ("Stage Alpha", "Stage Beta")),
    ):
        values = [group.get(name) for name in names] if isinstance(group, Mapping) else []
        angles = [angle for angle in map(as_signed, values)
                  if angle is not None and abs(angle) < _LARGEST_TILT_DEG]  # fmt: skip
        if len(angles) == 2:
            return angles[0], angles[1]
    return None, None


def _camera_length(
    tem: Mapping[str, Any], original: Mapping[str, Any], tags: list[Tag]
) -> float | None:
    """Camera length in mm."""
    blockfile = _find(original, "blockfile_header")
    tenths = as_number(blockfile.get("Camera_length"))
    return _first(
        as_number(tem.get("camera_length")),
        as_number(_find(original, "Microscope Info").get("STEM Camera Length")),
        None if tenths is None else tenths / 10,
        None if blockfile else find_camera_length(tags),
    )


def _angles_per_pixel(
    axes: list[Any], tags: list[Tag], high_tension_kV: float | None, length_mm: float | None
) -> tuple[float, float] | None:
    """Angles per pixel of rows and columns in mrad, where both are known."""
    tagged = find_angle_per_pixel(tags, high_tension_kV)
    if tagged is not None:
        return tagged
    rows, columns = (_axis_angle(a, high_tension_kV, length_mm) for a in detector_axes(axes))
    if rows is None or columns is None or max(rows, columns) > _LARGEST_ANGLE:
        return None
    return rows, columns


def _common(angles: tuple[float, float] | None) -> float | None:
    """The one angle of rows and columns, where they have the same."""
    if angles is None or abs(angles[0] - angles[1]) > _SQUARE_PIXELS * max(angles):
        return None
    return (angles[0] + angles[1]) / 2


def detector_axes(axes: list[Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The axes of the detector's rows and columns, empty where there are none."""
    detector = [axis for axis in axes if not axis.get("navigate", False)]
    if len(detector) > 2 and len(detector) == len(axes):
        # Files that make no difference have them last.
        detector = detector[-2:]
    return (detector[0], detector[1]) if len(detector) == 2 else ({}, {})


def _axis_angle(
    axis: Mapping[str, Any], high_tension_kV: float | None, length_mm: float | None
) -> float | None:
    scale = as_number(axis.get("scale"))
    if scale is None:
        return None
    unit = axis.get("units")
    angle = angle_mrad(scale, unit, high_tension_kV)
    if angle is None and str(unit).strip() == "cm" and length_mm is not None:
        # The camera's pixels, seen from the specimen.
        size = length_nm(scale, unit)
        angle = None if size is None else size * 1e-6 / length_mm * 1e3
    return angle


def _extra(
    hyperspy: Mapping[str, Any], tem: Mapping[str, Any], microscope: Mapping[str, Any]
) -> dict[str, Any]:
    general = _descend(hyperspy, "General")
    entries = {
        "title": general.get("title"),
        "date": general.get("date"),
        "time": general.get("time"),
        "microscope": tem.get("microscope") or microscope.get("Name"),
    }
    return {name: str(value) for name, value in entries.items() if value}


def _descend(tree: Any, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree if isinstance(tree, Mapping) else {}


def _find(tree: Any, name: str) -> Mapping[str, Any]:
    """Find the first group called ``name`` at any depth, or an empty one."""
    return next(groups(tree, name), {})


def groups(tree: Any, name: str) -> Iterator[Mapping[str, Any]]:
    """All groups of a name in a tree of tags, at any depth."""
    if not isinstance(tree, Mapping):
        return
    for key, value in tree.items():
        if key == name and isinstance(value, Mapping):
            yield value
        else:
            yield from groups(value, name)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
