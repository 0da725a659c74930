"""What enters a fit linearly: the same in every fit.

Beside the pattern's own intensity: an offset, two broad backgrounds, a widely scattered copy
of the pattern (phonons, plasmons), a rest of blur, the gain curve's exponent, and where phonons
send electrons that channel on their way out.
"""

import numpy as np

from pacbed.arrays import Numbers

#: Inside this radius the contrast is judged, semi-angles.
CONTRAST_REACH = 0.93
#: Contrast that the model's own error is weighed against where a thin crystal has less,
#: as a share of the mean intensity.
CONTRAST_FLOOR = 0.02
#: Smallest intensity for the weight of a sample: the noise of dark pixels is not zero.
DARKEST = 0.05
#: σ of the scattered copy, semi-angles.
DIFFUSE_WIDTH = 0.3
#: Second moment of the blur that a coefficient of 1 adds, semi-angles².
BLUR = 8e-4
#: Its place among the linear parts.
BLUR_PLACE = 5
#: Widths of the broad backgrounds, semi-angles.
_BACKGROUND_WIDTHS = (0.7, 1.6)
#: σ of the coefficients beforehand, relative to the pattern: the scattered copy, the gain
#: curve's exponent, the backgrounds, the phonons.
_DIFFUSE, _GAIN, _BACKGROUND, _PHONONS = 0.4, 0.25, 1.0, 0.05


def backgrounds(distance: Numbers) -> Numbers:
    """Offset and broad backgrounds.

    Parameters
    ----------
    distance : ndarray, shape (N,)
        From the disk's centre, semi-angles.

    Returns
    -------
    ndarray, shape (N, 3)
    """
    hills = [np.exp(-((distance / width) ** 2) / 2) for width in _BACKGROUND_WIDTHS]
    return np.stack([np.ones_like(distance), *hills], axis=1)


def make_columns(
    pattern: Numbers, broad: Numbers, diffuse: Numbers, curvature: Numbers, phonons: Numbers
) -> Numbers:
    """Put the linear parts together.

    Parameters
    ----------
    pattern, diffuse : ndarray, shape (N,)
        The pattern and its scattered copy.
    broad : ndarray, shape (N, 3)
        See :func:`backgrounds`.
    curvature : ndarray, shape (N,)
        The pattern's Laplacian by angles in semi-angles.
    phonons : ndarray, shape (N,)
        Where phonons send electrons, see :mod:`pacbed.lacbed.lost`.

    Returns
    -------
    ndarray, shape (N, 8)
        Pattern, offset, two backgrounds, scattered copy, blur, gain curve, phonons.
    """
    gain = pattern * np.log(np.maximum(pattern, 1e-3))
    return np.stack([pattern, *broad.T, diffuse, curvature * BLUR, gain, phonons], axis=1)


def make_ridge(count: int, noise: float) -> Numbers:
    """What holds the coefficients near 0, shape (8,).

    Parameters
    ----------
    count : int
        Of samples.
    noise : float
        Their variance at an intensity of 1. The fewer the electrons, the more counts what is known
        of the phonons.
    """
    broad = _BACKGROUND**-2
    ridge = [0, 0, broad, broad, _DIFFUSE**-2, 1.0, _GAIN**-2, _PHONONS**-2]
    # The noise is about 1 % of the signal: what the ridge is weighed against.
    made: Numbers = 1e-4 * np.array(ridge) * count / 1000
    made[-1] = max(made[-1], noise / _PHONONS**2)
    return made


def share(part: float, whole: float) -> float:
    """Share of a whole, kept within 0..1."""
    return float(np.clip(part / max(whole, 1e-30), 0, 1))
