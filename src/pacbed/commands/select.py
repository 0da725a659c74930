"""Which system a command is for, and its model."""

from pathlib import Path
from typing import TYPE_CHECKING

from pacbed.errors import UnknownSystemError

if TYPE_CHECKING:
    from pacbed.library.models.kinds import Model


def choose_model(
    system: str | None,
    material: str | None,
    high_tension_kV: float | None,
    zone_axis: str,
    data: Path | None,
) -> "Model":
    """Find the model of the installed system that the options name.

    Parameters
    ----------
    system : str or None
        ID or name; excludes material and high tension.
    material : str or None
    high_tension_kV : float or None
    zone_axis : str
        Direction [uvw]; counts only together with ``material``.
    data : Path or None
        Data folder.

    Raises
    ------
    UnknownSystemError
        If the options name no system, or one that is not installed.
    """
    from pacbed.library.installed import load_bundle
    from pacbed.library.zone_axis import parse_zone_axis

    if system is not None:
        if material is not None or high_tension_kV is not None:
            raise UnknownSystemError(
                "--system and --material with --high-tension exclude each other: give one of them."
            )
        return load_bundle(system, data)
    if material is None or high_tension_kV is None:
        raise UnknownSystemError(
            "no system was chosen: give --system ID or name (pacbed systems lists them), "
            "or --material with --high-tension."
        )
    return load_bundle(
        material=material,
        high_tension_kV=high_tension_kV,
        zone_axis=parse_zone_axis(zone_axis),
        data=data,
    )
