"""Whether error bars hold what they promise: on patterns that they were not fitted to."""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Mask, Numbers
from pacbed.calibrate.measured import Measured
from pacbed.infer.judge.confidence import Calibration

#: Half widths, in standard errors, of a tilt component's intervals.
_TILT_SIGMAS = {68.3: 1.0, 95.0: 1.96}


@dataclass(frozen=True)
class Coverage:
    """How often one kind of interval held the truth.

    Attributes
    ----------
    quantity : str
        ``thickness`` or ``tilt``.
    dose : float or None
        Electrons; None is all doses together.
    promised : float
        Median half width of the interval, nm or mrad.
    nominal, realised : float
        Share of truths that it should hold, and held, percent.
    error : float
        Standard error of `realised`, percent, from the scatter between runs: patterns of a run
        share their tilt and their atoms.
    patterns : int
    """

    quantity: str
    dose: float | None
    promised: float
    nominal: float
    realised: float
    error: float
    patterns: int


@dataclass(frozen=True)
class Report:
    """What a calibration's other half says.

    Attributes
    ----------
    coverage : tuple of Coverage
    thickness_bias_nm, thickness_median_nm, tilt_median_mrad : float
        Median error with its sign, median size of the errors of thickness and tilt vector.
    refused : float
        Share of these patterns, which are all right ones, that would be refused, percent.
    """

    coverage: tuple[Coverage, ...]
    thickness_bias_nm: float
    thickness_median_nm: float
    tilt_median_mrad: float
    refused: float


def report(measured: Measured, calibration: Calibration) -> Report:
    """Judge a calibration by measurements that it was not fitted to.

    Parameters
    ----------
    measured : Measured
    calibration : Calibration
    """
    kept = measured.judged(calibration)
    thickness = kept.thickness_std_nm(calibration)
    tilt = kept.tilt_std_mrad(calibration)
    errors = np.abs(kept.thickness_error_nm)[:, None]
    sigmas = {68.3: 1.0, 95.0: calibration.tail}
    rows = []
    for dose in (None, *np.unique(kept.dose).tolist()):
        chosen = np.ones(len(kept), bool) if dose is None else kept.dose == dose
        for nominal, sigma in sigmas.items():
            rows.append(
                _row("thickness", dose, nominal, sigma * thickness, errors, kept.run, chosen)
            )
        for nominal, sigma in _TILT_SIGMAS.items():
            size = np.abs(kept.tilt_error_mrad)
            rows.append(_row("tilt", dose, nominal, sigma * tilt, size, kept.run, chosen))
    return Report(
        coverage=tuple(rows),
        thickness_bias_nm=float(np.median(kept.thickness_error_nm)),
        thickness_median_nm=float(np.median(errors)),
        tilt_median_mrad=float(np.median(np.linalg.norm(kept.tilt_error_mrad, axis=1))),
        refused=100 * (1 - len(kept) / len(measured)),
    )


def _row(
    quantity: str,
    dose: float | None,
    nominal: float,
    half: Numbers,
    errors: Numbers,
    run: Numbers,
    chosen: Mask,
) -> Coverage:
    held = (errors <= half[:, None]).mean(axis=1)[chosen]
    runs, own = np.unique(run[chosen], return_inverse=True)
    sums = np.bincount(own, weights=held - held.mean())
    # Of a mean over clusters; a single run has no scatter between runs.
    scale = len(runs) / max(len(runs) - 1, 1)
    return Coverage(
        quantity=quantity,
        dose=dose,
        promised=float(np.median(half[chosen])),
        nominal=nominal,
        realised=float(100 * held.mean()),
        error=float(100 * np.sqrt(scale * (sums**2).sum()) / len(held)),
        patterns=int(chosen.sum()),
    )
