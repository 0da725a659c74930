"""From a raw array to a checked pattern: units, faults, and pixels that say nothing."""

import numpy as np

from pacbed.arrays import Counts, Mask, Numbers, Pattern
from pacbed.errors import PatternError
from pacbed.pattern.faults import check_contrast, check_form, check_signal, unwrapped
from pacbed.pattern.filling import filled
from pacbed.pattern.recorded import CleanPattern, LeftOut
from pacbed.pattern.silent.beam_stop import beam_stop
from pacbed.pattern.silent.fills import fill_values
from pacbed.pattern.silent.gaps import gaps
from pacbed.pattern.silent.plateau import plateau

#: At least this share of the pixels must say something.
_LEAST_KNOWN = 0.25
#: Brightest pixels are brought to this power of two.
_POWER = 10


def clean(pattern: Counts, mask: Mask | None = None) -> CleanPattern:
    """Check a raw array, find the pixels that say nothing, and mend single hot ones.

    Parameters
    ----------
    pattern : ndarray, shape (rows, columns)
        Any real dtype; negative values are allowed, and any unit.
    mask : ndarray of bool, shape (rows, columns), optional
        True where a pixel says nothing, beside those that are found.

    Returns
    -------
    CleanPattern
        Single hot pixels are replaced by the median of their neighbours.

    Raises
    ------
    PatternError
        If the array is not a usable pattern.
    """
    given = check_form(pattern)
    with np.errstate(over="ignore"):
        stored = given.astype(np.float64)
    finite = np.isfinite(stored)
    allowed = _allowed(mask, given.shape)
    if not (finite & allowed).any():
        raise PatternError("no pixel is a number and outside of the mask; give another pattern")
    values, remarks = unwrapped(np.where(finite, stored, 0.0), given.dtype)
    silent = _Silent(values, finite, allowed)
    left = silent.left
    _check_enough(left)
    if not values[left].max() > values[left].min():
        raise PatternError(
            "pattern is constant: an empty frame; give a recorded diffraction pattern"
        )
    top = plateau(values, left)
    if top is not None:
        share = top.pixels.sum() / left.sum()
        remarks += (
            f"the pattern is saturated: {int(top.pixels.sum())} pixels ({share:.1%}) are at "
            f"{top.level:.6g}; they were left out: expose less, or use a detector's linear range",
        )
    # Saturated pixels say that they are bright, which is more than their neighbours do.
    shown = left
    if top is not None:
        left = left & ~top.pixels
        _check_enough(left)
    scaled = _scaled(values, shown)
    if not shown.all():
        scaled = filled(scaled, shown)
    check_signal(scaled)
    check_contrast(scaled)
    shadow = beam_stop(scaled) & left
    if shadow.any():
        left = left & ~shadow
        _check_enough(left)
        scaled = filled(scaled, shown & ~shadow)
    data = without_hot_pixels(scaled)
    out = LeftOut(
        given=int((~allowed).sum()),
        not_finite=int((allowed & ~finite).sum()),
        gaps=int((silent.gaps & allowed & finite).sum()),
        saturated=0 if top is None else int(top.pixels.sum()),
        beam_stop=int(shadow.sum()),
    )
    return CleanPattern(data, None if left.all() else left, out, remarks)


def cleaned_window(pattern: Counts) -> CleanPattern:
    """One of the many patterns of a scan: checked, in no unit, without what is no number.

    What else says nothing is the same in all of them, and is not looked for in each: it is no
    number already.

    Parameters
    ----------
    pattern : ndarray, shape (rows, columns)

    Returns
    -------
    CleanPattern

    Raises
    ------
    PatternError
        If it is not a usable pattern.
    """
    with np.errstate(over="ignore"):
        values = check_form(pattern).astype(np.float64)
    left = np.isfinite(values)
    _check_enough(left)
    if not values[left].max() > values[left].min():
        raise PatternError("pattern is constant; give a recorded diffraction pattern")
    scaled = _scaled(values, left)
    if left.all():
        return CleanPattern(without_hot_pixels(scaled))
    out = LeftOut(not_finite=int((~left).sum()))
    return CleanPattern(without_hot_pixels(filled(scaled, left)), left, out)


class _Silent:
    """Pixels that are no numbers, masked, fills or gaps; the others are `left`."""

    def __init__(self, values: Numbers, finite: Mask, allowed: Mask) -> None:
        left = finite & allowed
        fills = fill_values(values, left)
        self.gaps = fills
        if not fills.all() and (left & ~fills).any():
            self.gaps = fills | (gaps(values, left & ~fills) & left)
        self.left = left & ~self.gaps


def _allowed(mask: Mask | None, shape: tuple[int, ...]) -> Mask:
    if mask is None:
        return np.ones(shape, bool)
    masked = np.asarray(mask)
    if masked.shape != shape:
        raise PatternError(
            f"the mask has shape {masked.shape}, the pattern {shape}; give one of the same shape"
        )
    return ~masked.astype(bool)


def _check_enough(left: Mask) -> None:
    share = float(left.mean())
    if share < _LEAST_KNOWN:
        raise PatternError(
            f"only {share:.0%} of the pixels say something (the others are NaN, of one fill value, "
            f"saturated, in a shadow or masked); {_LEAST_KNOWN:.0%} are needed"
        )


def _scaled(values: Numbers, left: Mask) -> Pattern:
    """In single precision, times a power of two: no digit changes, and no unit matters."""
    largest = float(np.abs(values[left]).max())
    exponent = _POWER - int(np.frexp(largest)[1])
    return np.ldexp(np.where(left, values, 0.0), exponent).astype(np.float32)


def without_hot_pixels(data: Pattern) -> Pattern:
    """Replace single pixels that stand far above all their neighbours by the median of these.

    A diffraction feature, being blurred by the detector, never does.

    Parameters
    ----------
    data : ndarray of float32, shape (rows, columns)

    Returns
    -------
    ndarray of float32
    """
    limit = np.quantile(data[::3, ::3], 0.999)
    suspects = np.flatnonzero(data > limit + 0.5 * (limit - data.min()))
    if not 0 < len(suspects) <= 0.01 * data.size:
        return data
    rows, columns = np.unravel_index(suspects, data.shape)
    padded = np.pad(data, 1, mode="reflect")
    around = np.stack(
        [padded[rows + i, columns + j] for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    )
    middle = np.median(around, axis=0)
    lonely = data[rows, columns] > 3 * np.maximum(middle, 1e-12)
    mended = data.copy()
    mended[rows[lonely], columns[lonely]] = middle[lonely]
    return mended
