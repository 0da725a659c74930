"""The networks as one function: an array in; thickness, mistilt and scale out."""

import warnings
from pathlib import Path
from typing import NamedTuple

from pacbed.answer.words import STATUS_WORDS
from pacbed.arrays import Counts
from pacbed.errors import OutOfRangeError
from pacbed.infer.open_predictor import open_predictor
from pacbed.library.installed import load_bundle


class Prediction(NamedTuple):
    """What the networks say of one pattern, in the units of the earlier project.

    Attributes
    ----------
    thickness_angstrom : float
        Thickness along the zone axis, Å.
    mistilt_mrad : float or None
        Angle between zone axis and optical axis, mrad; None where the model has no network for it.
    scale : float
        Zoom that brings the pattern to the simulated field of view.
    """

    thickness_angstrom: float
    mistilt_mrad: float | None
    scale: float


def predict(
    pattern: Counts, convergence_mrad: float, system: str | int, data: Path | None = None
) -> Prediction:
    """Ask the networks alone, as the earlier project's shared model was asked.

    No fit follows: there are no error bars, and a pattern of another crystal is not refused.
    ``pacbed.Predictor.infer`` gives both, and opens the model once for many patterns.

    Parameters
    ----------
    pattern : ndarray, shape (rows, columns)
        As recorded, any size from 32² to 4096² and any real dtype.
    convergence_mrad : float
        Convergence semi-angle, mrad, right to 10 %.
    system : str or int
        Name or ID of an installed system.
    data : Path, optional
        Data folder, one of the earlier project too; by default as for :func:`load_bundle`.

    Returns
    -------
    Prediction

    Raises
    ------
    UnknownSystemError
        If the system is not installed.
    PatternError
        If the array cannot be a pattern.
    OutOfRangeError
        If there is no convergence angle, or it lies outside the model's range.

    Warns
    -----
    UserWarning
        If the networks themselves hesitate, or the thickness lies at the end of their range.

    Examples
    --------
    >>> import numpy as np, pacbed
    >>> pattern = np.load("examples/sto-001-300kV_42nm.npy")
    >>> thickness, mistilt, scale = pacbed.predict(pattern, 20.0, "sto-001-300kV")
    >>> print(f"{thickness:.0f} Å, {mistilt:.1f} mrad, scale {scale:.1f}")
    419 Å, 2.5 mrad, scale 1.2
    """
    if convergence_mrad is None:
        raise OutOfRangeError("the networks need to be told the convergence semi-angle in mrad")
    model = load_bundle(system, data)
    estimate = open_predictor(model).infer(pattern, convergence_mrad, refine=False)
    if estimate.status != "ok":
        words = f"{estimate.status}: {STATUS_WORDS[estimate.status]}"
        warnings.warn(words, UserWarning, stacklevel=2)
    return Prediction(10.0 * estimate.thickness_nm, estimate.mistilt_mrad, estimate.scale)
