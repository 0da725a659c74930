"""What enters a fit linearly, and how it is solved for: the same in every fit.

Beside the pattern's own intensity: an offset, two broad backgrounds, a widely scattered copy
of the pattern (phonons, plasmons), a rest of blur, and the gain curve's exponent.
"""

import numpy as np

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
#: Widths of the broad backgrounds, semi-angles.
_BACKGROUND_WIDTHS = (0.7, 1.6)
#: σ of the coefficients beforehand, relative to the pattern: the scattered copy, the gain
#: curve's exponent, the backgrounds.
_DIFFUSE, _GAIN, _BACKGROUND = 0.4, 0.25, 1.0
#: Residuals beyond so many σ count less.
_HUBER = 2.5


def backgrounds(distance: np.ndarray) -> np.ndarray:
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
    pattern: np.ndarray, broad: np.ndarray, diffuse: np.ndarray, curvature: np.ndarray
) -> np.ndarray:
    """Put the linear parts together.

    Parameters
    ----------
    pattern, diffuse : ndarray, shape (N,)
        The pattern and its scattered copy.
    broad : ndarray, shape (N, 3)
        See :func:`backgrounds`.
    curvature : ndarray, shape (N,)
        The pattern's Laplacian by angles in semi-angles.

    Returns
    -------
    ndarray, shape (N, 7)
        Pattern, offset, two backgrounds, scattered copy, blur, gain curve.
    """
    gain = pattern * np.log(np.maximum(pattern, 1e-3))
    return np.stack([pattern, *broad.T, diffuse, curvature * BLUR, gain], axis=1)


def make_ridge(count: int) -> np.ndarray:
    """What holds the coefficients of `count` samples near 0, shape (7,)."""
    ridge = [0, 0, _BACKGROUND**-2, _BACKGROUND**-2, _DIFFUSE**-2, 1.0, _GAIN**-2]
    # The noise is about 1 % of the signal: what the ridge is weighed against.
    return 1e-4 * np.array(ridge) * count / 1000


def solve_linear(
    columns: np.ndarray,
    ridge: np.ndarray,
    values: np.ndarray,
    weights: np.ndarray,
    recorded: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Solve for the linear parts, robustly (Huber's weights).

    Parameters
    ----------
    columns : ndarray, shape (N, p)
    ridge : ndarray, shape (p,)
    values : ndarray, shape (N,)
    weights : ndarray, shape (N,)
        Inverse variances but for a factor.
    recorded : ndarray of bool, shape (N,), optional
        Which samples the noise is taken from; all of them where it is not given.

    Returns
    -------
    coefficients : ndarray, shape (p,)
    residuals : ndarray, shape (N,)
    robust : ndarray, shape (N,)
        The weights, smaller where a sample fits badly.
    sigma : float
        Noise of a sample of weight 1.
    """
    robust, root = weights, np.sqrt(weights)
    coefficients, residuals, sigma = np.zeros(len(ridge)), values, 1.0
    for _ in range(2):
        coefficients, residuals = _solve(columns, ridge, values, robust)
        scaled = np.abs(residuals) * root
        judged = scaled if recorded is None else scaled[recorded]
        sigma = 1.4826 * float(np.median(judged)) + 1e-6
        robust = np.minimum(1, _HUBER * sigma / np.maximum(scaled, 1e-12)) * weights
    return coefficients, residuals, robust, sigma


def held_cost(
    columns: np.ndarray, ridge: np.ndarray, values: np.ndarray, weights: np.ndarray
) -> float:
    """Smallest weighted sum of squares, with the ridge's part, for weights that are held.

    Sums that were made with different weights cannot be compared: a state that leaves more may
    come with smaller weights. Huber's cost falls wherever this one does with the weights of
    the state that it is compared with.

    Parameters
    ----------
    columns : ndarray, shape (N, p)
    ridge : ndarray, shape (p,)
    values, weights : ndarray, shape (N,)
    """
    coefficients, residuals = _solve(columns, ridge, values, weights)
    return float((weights * residuals**2).sum() + (ridge * coefficients**2).sum())


def without_linear(
    columns: np.ndarray,
    ridge: np.ndarray,
    weights: np.ndarray,
    coefficients: np.ndarray,
    residuals: np.ndarray,
    jacobian: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of the residuals without what the linear parts can do, and these residuals.

    The ridge is a row more for each linear part: what it keeps a part from doing is left
    to the parameters.

    Parameters
    ----------
    columns : ndarray, shape (N, p)
    ridge, coefficients : ndarray, shape (p,)
    weights, residuals : ndarray, shape (N,)
    jacobian : ndarray, shape (N, m)
        Of the first column, by the parameters.

    Returns
    -------
    derivative : ndarray, shape (N + p, m)
        Weighted.
    residuals : ndarray, shape (N + p,)
        Weighted.
    """
    root, held = np.sqrt(weights), np.sqrt(ridge)
    basis, _ = np.linalg.qr(np.concatenate([columns * root[:, None], np.diag(held)]))
    derivative = jacobian * (root * coefficients[0])[:, None]
    derivative = np.concatenate([derivative, np.zeros((len(held), derivative.shape[1]))])
    left = np.concatenate([root * residuals, -held * coefficients])
    return derivative - basis @ (basis.T @ derivative), left


def _solve(
    columns: np.ndarray, ridge: np.ndarray, values: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and residuals for some weights."""
    normal = columns.T @ (weights[:, None] * columns)
    normal[np.diag_indices_from(normal)] += ridge
    coefficients = np.linalg.solve(normal, columns.T @ (weights * values))
    return coefficients, values - columns @ coefficients


def share(part: float, whole: float) -> float:
    """Share of a whole, kept within 0..1."""
    return float(np.clip(part / max(whole, 1e-30), 0, 1))
