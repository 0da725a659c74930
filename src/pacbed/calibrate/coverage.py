"""Whether error bars hold what they promise: on patterns that they were not fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Mask, Numbers
from pacbed.calibrate.error_model import fit_calibration
from pacbed.calibrate.measured import Measured, joined
from pacbed.infer.judge.confidence import Calibration

#: In so many parts, at most, runs are left out in turn.
_PARTS = 12
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
    """What patterns say of a calibration that was not fitted to them.

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


def left_out(measured: Measured) -> Report:
    """Judge each run by the calibration that all others give.

    Parameters
    ----------
    measured : Measured
        Of several runs.
    """
    runs = np.unique(measured.run)
    judged = []
    for part in np.array_split(runs, min(len(runs), _PARTS)):
        own = np.isin(measured.run, part)
        values = fit_calibration(measured.where(~own))
        judged.append((measured.where(own), Calibration.from_dict(values)))
    return report(judged)


def report(judged: Sequence[tuple[Measured, Calibration]]) -> Report:
    """Judge calibrations by measurements that they were not fitted to.

    Parameters
    ----------
    judged : sequence of (Measured, Calibration)
        Each part with the calibration that judges it.
    """
    parts = [(measured.judged(calibration), calibration) for measured, calibration in judged]
    kept = joined([part for part, _ in parts])
    thickness, wide, tilt = (
        np.concatenate(some) for some in zip(*(_half_widths(*part) for part in parts), strict=True)
    )
    errors, size = np.abs(kept.thickness_error_nm)[:, None], np.abs(kept.tilt_error_mrad)
    rows = []
    for dose in (None, *np.unique(kept.dose).tolist()):
        chosen = np.ones(len(kept), bool) if dose is None else kept.dose == dose
        for nominal, half in ((68.3, thickness), (95.0, wide)):
            rows.append(_row("thickness", dose, nominal, half, errors, kept.run, chosen))
        for nominal, sigma in _TILT_SIGMAS.items():
            rows.append(_row("tilt", dose, nominal, sigma * tilt, size, kept.run, chosen))
    asked = sum(len(measured) for measured, _ in judged)
    return Report(
        coverage=tuple(rows),
        thickness_bias_nm=float(np.median(kept.thickness_error_nm)),
        thickness_median_nm=float(np.median(errors)),
        tilt_median_mrad=float(np.median(np.linalg.norm(kept.tilt_error_mrad, axis=1))),
        refused=100 * (1 - len(kept) / asked),
    )


def _half_widths(kept: Measured, calibration: Calibration) -> tuple[Numbers, Numbers, Numbers]:
    """Half widths of thickness, 68 % and 95 %, nm, and the standard error of tilt, mrad."""
    thickness = kept.thickness_std_nm(calibration)
    return thickness, calibration.tail * thickness, kept.tilt_std_mrad(calibration)


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
