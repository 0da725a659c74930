"""Which convergence semi-angles a search asks."""

import math

#: Angles that are tried lie this far apart, as logarithms: a disk that is so much too large or
#: small still shows which crystal directions are in it.
_STEP = 0.05


def asked_angles(
    given_mrad: float | None, covered: tuple[float, float], radius_and_scale: float | None = None
) -> list[float]:
    """Convergence semi-angles to try, mrad.

    Parameters
    ----------
    given_mrad : float or None
        As the user knows it.
    covered : tuple of float
        Smallest and largest angle that the table is for.
    radius_and_scale : float or None
        What the disk's size says where the angle per pixel is known.
    """
    if given_mrad is not None:
        return [given_mrad]
    low, high = covered
    if radius_and_scale is not None:
        spread = (0.95, 1.0, 1.05)
        near = [radius_and_scale * factor for factor in spread]
        return [angle for angle in near if low <= angle <= high] or [min(max(near[1], low), high)]
    count = max(1, math.ceil(math.log(high / low) / _STEP))
    return [low * (high / low) ** (n / count) for n in range(count + 1)]
