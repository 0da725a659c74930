"""The conditions that a pattern is said to have been recorded under."""

import math

from pacbed.errors import OutOfRangeError


def check_conditions(
    system: str,
    covered_mrad: tuple[float, float],
    convergence_mrad: float,
    mrad_per_pixel: float | None,
) -> None:
    """Refuse conditions that a model does not cover, or that cannot be.

    Parameters
    ----------
    system : str
        Name for the message.
    covered_mrad : tuple of float
        Convergence semi-angles that the model covers.
    convergence_mrad : float
    mrad_per_pixel : float or None

    Raises
    ------
    OutOfRangeError
        If one of them is impossible.
    """
    low, high = covered_mrad
    if not low - 1e-6 <= convergence_mrad <= high + 1e-6:
        raise OutOfRangeError(
            f"convergence {convergence_mrad:g} mrad lies outside {low:g} to {high:g} mrad, "
            f"which the system {system} covers; use another bundle"
        )
    if mrad_per_pixel is not None and not (math.isfinite(mrad_per_pixel) and mrad_per_pixel > 0):
        raise OutOfRangeError("mrad_per_pixel must be a positive number")
