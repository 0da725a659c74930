"""Pixels that say nothing, filled from their neighbours, and smoothing that leaves them out."""

import numpy as np
from scipy import ndimage

from pacbed.arrays import Mask, Pattern, Singles

#: Least weight of known pixels that a smoothed value can be divided by.
_LEAST_WEIGHT = 1e-3


def filled(values: Pattern, known: Mask) -> Pattern:
    """Fill unknown pixels smoothly from the known ones around them.

    Means of known pixels over ever larger blocks, taken back down: near a known pixel the
    fine blocks decide, in the middle of a gap the coarse ones.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        Finite where known.
    known : ndarray of bool, shape (rows, columns)
        At least one pixel.

    Returns
    -------
    ndarray of float32
    """
    weight = known.astype(np.float32)
    return np.where(known, values, _pulled(np.where(known, values, 0), weight)).astype(np.float32)


def _pulled(sums: Singles, weight: Singles) -> Singles:
    """Means (sums over weights), from coarser blocks where the weight is small."""
    if weight.min() >= 1 or max(weight.shape) <= 2:
        total = max(float(weight.sum()), _LEAST_WEIGHT)
        mean = np.float32(sums.sum() / total)
        return np.where(weight > 0, sums / np.maximum(weight, _LEAST_WEIGHT), mean)
    # A pixel's blocks overlap, so that no seam shows where they meet.
    wide, all_wide = (ndimage.gaussian_filter(part, 1.0, mode="nearest") for part in (weight, sums))
    coarse = _pulled(all_wide[::2, ::2], wide[::2, ::2])
    above = ndimage.zoom(coarse, 2, order=1, grid_mode=True, mode="nearest")
    above = above[: weight.shape[0], : weight.shape[1]]
    share = np.clip(wide / 0.25, 0, 1)
    mixed: Singles = share * all_wide / np.maximum(wide, _LEAST_WEIGHT) + (1 - share) * above
    return mixed


def smoothed(values: Singles, known: Mask | None, width_px: float) -> Singles:
    """Gaussian smoothing in which unknown pixels have no weight.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
    known : ndarray of bool, shape (rows, columns), or None
        None where all are known.
    width_px : float
        σ, pixels.
    """
    plain: Singles = ndimage.gaussian_filter(values, width_px, mode="nearest")
    if known is None:
        return plain
    weight = known.astype(np.float32)
    whole = ndimage.gaussian_filter(weight, width_px, mode="nearest")
    part = ndimage.gaussian_filter(values * weight, width_px, mode="nearest")
    said: Singles = np.where(whole > _LEAST_WEIGHT, part / np.maximum(whole, _LEAST_WEIGHT), plain)
    return said
