"""The second look at a map: what neighbours say about a window's solutions.

Works on the small raw layers alone. A window with several solutions takes the one that its
neighbours support, and is marked; a window that stands alone against its neighbours is
marked as a jump.
"""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Angles, Codes, Indices, Mask, Numbers, Tilts
from pacbed.maps.layers import AMBIGUOUS, MISMATCH, NO_DATA, OK, SETTLED, Layers
from pacbed.maps.neighbours import FEWEST, expected_here
from pacbed.maps.odd_fits import odd_fits

#: Passes, in which settled windows begin to support others.
_PASSES = 4
#: σ by which real thickness and tilt may differ from a plane through the neighbours.
_ROUGH_NM, _ROUGH_MRAD = 0.8, 0.3
#: A tilt with a larger error than this for a component is open: one in twenty would lie
#: more than 0.5 mrad away.
_OPEN_MRAD = 0.2
#: A jump is so many σ away, and has fewer direct neighbours like it.
_FAR, _COMPANY = 4.0, 2
#: Probability from which on a solution counts as chosen by the neighbours.
_CLEAR = 0.7


@dataclass(frozen=True)
class Settled:
    """What the neighbours decided.

    Attributes
    ----------
    chosen : ndarray of int, shape (rows, columns)
        Number of the solution.
    status : ndarray of uint8
        With `SETTLED` where the neighbours chose.
    jump : ndarray of bool
        Windows that stand alone against their neighbours.
    tilt_mrad, tilt_std_mrad : ndarray, shape (rows, columns, 2) and (rows, columns)
        Tilts; where a window alone leaves its tilt open, joined with the neighbours'.
    tilt_joined : ndarray of bool
        Where they were.
    """

    chosen: Indices
    status: Codes
    jump: Mask
    tilt_mrad: Tilts
    tilt_std_mrad: Angles
    tilt_joined: Mask


def settle(layers: Layers) -> Settled:
    """Settle the ambiguous windows of a map and mark the jumps.

    Parameters
    ----------
    layers : dict of ndarray
        See :mod:`pacbed.maps.layers`, shape (rows, columns, …).

    Returns
    -------
    Settled
    """
    status = np.where(odd_fits(layers), MISMATCH, layers["status"]).astype(np.uint8)
    chosen = np.zeros(status.shape, int)
    for _ in range(_PASSES):
        score, supported = _scores(layers, chosen, status)
        best = score.argmax(axis=-1)
        share = np.take_along_axis(score, best[..., None], -1)[..., 0]
        clear = supported & (share >= _CLEAR)
        several = (layers["probability"] > 0).sum(axis=-1) > 1
        # An unambiguous window gives way only where another of its solutions is much better.
        open_to = np.isin(status, (AMBIGUOUS, SETTLED)) | ((status == OK) & several)
        moved = open_to & clear & ((status == AMBIGUOUS) | (best != chosen))
        usable = np.take_along_axis(layers["solution_status"], best[..., None], -1)[..., 0] == OK
        moved &= usable
        if not moved.any():
            break
        chosen = np.where(moved, best, chosen)
        status = np.where(moved, SETTLED, status).astype(np.uint8)
    return Settled(chosen, status, _jumps(layers, chosen, status), *_join(layers, chosen, status))


def take(values: Numbers, chosen: Indices) -> Numbers:
    """The chosen solution's entry of a layer of shape (rows, columns, solutions, …)."""
    index = chosen.reshape(*chosen.shape, *(1,) * (values.ndim - chosen.ndim))
    return np.take_along_axis(values, index, chosen.ndim)[:, :, 0]


def _scores(layers: Layers, chosen: Indices, status: Codes) -> tuple[Numbers, Mask]:
    """Probabilities of the solutions with the neighbours' voice, and where there is one."""
    logarithm = np.log(np.maximum(layers["probability"], 1e-30))
    count = np.zeros(status.shape, int)
    roughness = {"thickness_nm": _ROUGH_NM, "tilt_x": _ROUGH_MRAD, "tilt_y": _ROUGH_MRAD}
    for name, rough in roughness.items():
        values, errors = _layer(layers, name)
        expected, spread, count = expected_here(
            take(values, chosen), take(errors, chosen), np.isin(status, (OK, SETTLED)), rough
        )
        variance = errors**2 + (spread**2 + rough**2)[..., None]
        distance = (values - expected[..., None]) ** 2 / variance
        # A longer tail than a Gaussian's: neighbours may be wrong, or a grain ends.
        logarithm = logarithm - 2.5 * np.log1p(np.where(np.isfinite(distance), distance, 0) / 4)
    logarithm = np.where(layers["probability"] > 0, logarithm, -np.inf)
    peak = logarithm.max(axis=-1, keepdims=True)
    score = np.exp(logarithm - np.where(np.isfinite(peak), peak, 0))
    return score / np.maximum(score.sum(axis=-1, keepdims=True), 1e-30), count >= FEWEST


def _join(layers: Layers, chosen: Indices, status: Codes) -> tuple[Tilts, Angles, Mask]:
    """Tilts, with open ones drawn to the plane through their neighbours by the weights of both."""
    tilt = take(layers["tilt_mrad"], chosen)
    error = take(layers["tilt_std_mrad"], chosen)
    trusted = np.isin(status, (OK, SETTLED))
    planes = [expected_here(tilt[..., axis], error, trusted, _ROUGH_MRAD) for axis in range(2)]
    expected = np.stack([plane[0] for plane in planes], axis=-1)
    variance = planes[0][1] ** 2 + _ROUGH_MRAD**2
    open_tilt = trusted & (error > _OPEN_MRAD) & (planes[0][2] >= FEWEST)
    share = np.where(open_tilt, error**2 / (error**2 + variance), 0.0)
    moved = tilt + share[..., None] * np.where(open_tilt[..., None], expected - tilt, 0.0)
    return moved, error * np.sqrt(1 - share), open_tilt


def _layer(layers: Layers, name: str) -> tuple[Numbers, Numbers]:
    if name == "thickness_nm":
        return layers["thickness_nm"], layers["thickness_std_nm"]
    return layers["tilt_mrad"][..., 0 if name == "tilt_x" else 1], layers["tilt_std_mrad"]


def _jumps(layers: Layers, chosen: Indices, status: Codes) -> Mask:
    thickness, error = (take(layers[name], chosen) for name in ("thickness_nm", "thickness_std_nm"))
    answered, trusted = status != NO_DATA, np.isin(status, (OK, SETTLED))
    expected, spread, count = expected_here(thickness, error, trusted, _ROUGH_NM)
    width = np.sqrt(error**2 + spread**2 + _ROUGH_NM**2)
    far = np.abs(thickness - expected) > _FAR * width
    # Along a real step a window still has others on its own side.
    alone = _alike(thickness, error) < _COMPANY
    jump: Mask = answered & (count >= FEWEST) & far & alone
    return jump


def _alike(values: Numbers, errors: Numbers) -> Indices:
    """How many of the eight direct neighbours have about the same value."""
    rows, columns = values.shape
    padded = np.pad(values, 1, constant_values=np.nan)
    spread = np.pad(errors, 1, constant_values=np.nan)
    count = np.zeros(values.shape, int)
    for i in range(3):
        for j in range(3):
            if (i, j) != (1, 1):
                part = (slice(i, i + rows), slice(j, j + columns))
                width = np.sqrt(errors**2 + spread[part] ** 2 + _ROUGH_NM**2)
                count += np.abs(values - padded[part]) < _FAR * width
    return count
