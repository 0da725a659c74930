"""Whether a fit's numbers can be used, and in words why not."""

import math
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pacbed.answer.estimate import Status
from pacbed.arrays import Thicknesses
from pacbed.infer.fit.found import Fit
from pacbed.infer.judge.alternatives import PEAK_HALF_WIDTH, fold
from pacbed.infer.judge.causes import DiskSeen, disk_of, of_disk, of_form, of_given, of_rim
from pacbed.infer.judge.confidence import (
    CLEAR,
    FAINT,
    TILT_SLACK,
    Calibration,
    Evidence,
    leaves_open,
    leaves_tilt_open,
)
from pacbed.infer.known.given import Given
from pacbed.infer.networks.posing import Reading
from pacbed.library.models.sensitivities import Sensitivities
from pacbed.library.system import System
from pacbed.pattern.recorded import CleanPattern
from pacbed.version import __version__

#: What the networks must give at least to thicknesses near a fit that is not good.
_SUPPORT, _GOOD_FIT = 0.1, 0.1
#: A fit that leaves more of the structure than this does not stand by its numbers.
_POOR_FIT = 0.2
#: The same where the frame cuts a part of the disk, or more than a third of it is hidden.
_POOR_OF_PART, _MOSTLY_SEEN = 0.1, 0.65
#: The same as a share of what the fitted pattern varies: of a faint one, that broad backgrounds
#: outshine, the structure is mostly theirs.
_POOR_OF_FITTED = 0.15
#: Less of a disk than this determines nothing, however well it is explained.
LEAST_OF_DISK = 0.5
#: A fit that leaves more than this share of the whole pattern's variance has found no pattern.
_UNEXPLAINED = 0.9


@dataclass(frozen=True)
class Context:
    """What an answer needs beside what was found.

    Attributes
    ----------
    system : System
    digest : str
        SHA-256 of the network that read the thickness, or of the table, hexadecimal.
    calibration : Calibration
    bins : ndarray
        Thicknesses of the distribution, nm.
    order : int
        Order of the projection's rotations.
    pattern : CleanPattern
    given : Given
    tilt_error_mrad : float or None
        How sure networks were of the tilt at best, wherever the answer is from; None where none
        were asked.
    started : float
        When the inference began, of :func:`time.perf_counter`.
    sensitivities : Sensitivities or None
        Measured for the system; None where they were not.
    """

    system: System
    digest: str
    calibration: Calibration
    bins: Thicknesses
    order: int
    pattern: CleanPattern
    given: Given
    started: float
    tilt_error_mrad: float | None = None
    sensitivities: Sensitivities | None = None

    def provenance(self, method: str) -> dict[str, Any]:
        """Bundle, versions, hashes and times behind an answer."""
        return {
            "version": __version__,
            "bundle": self.system.name,
            "bundle_sha256": self.digest,
            "method": method,
            "calibrated": bool(self.calibration.calibrated) and method != "network",
            "milliseconds": round((time.perf_counter() - self.started) * 1e3, 1),
        }


@dataclass(frozen=True)
class Judgement:
    """What speaks for and against the numbers of a fit.

    Attributes
    ----------
    context : Context
    reading : Reading or None
        The networks' answer; None where none were asked.
    fit : Fit
        The best one.
    probability : float
        Of the best one among all solutions.
    deviation_nm : float
        Standard error of its thickness.
    turned : Fit or None
        One of the crystal turned otherwise that leaves hardly more.
    """

    context: Context
    reading: Reading | None
    fit: Fit
    probability: float
    deviation_nm: float
    turned: Fit | None = None

    @cached_property
    def seen(self) -> DiskSeen:
        """How much of the disk is recorded."""
        return DiskSeen.of(self.context.pattern, disk_of(self.fit))

    @cached_property
    def evidence(self) -> Evidence:
        """What speaks for or against the system."""
        given = self.context.given.convergence_mrad
        shift = None if given is None else self.fit.parameters.log_alpha - math.log(given)
        return Evidence(
            self.fit.structured_residual,
            self.fit.residual,
            # Of a part of a disk the networks are never sure, whatever the crystal.
            self.context.tilt_error_mrad if self.seen.whole else None,
            self.fit.thickness_std_nm,
            shift,
        )

    @cached_property
    def doubt(self) -> float:
        """See :mod:`pacbed.infer.judge.confidence`."""
        return self.context.calibration.doubt(self.evidence)

    @cached_property
    def status(self) -> Status:
        """Whether the numbers can be used."""
        doubtful = self.doubt > self.context.calibration.mismatch
        if doubtful or self.fit.residual > _UNEXPLAINED or self.fit.gain <= 0:
            return "mismatch"
        system, found = self.context.system, self.fit.parameters
        low, high = system.thickness_nm
        beyond = found.mistilt_mrad > system.mistilt_mrad[1] * TILT_SLACK
        if beyond or not low - 0.5 <= found.thickness_nm <= high + 0.5:
            return "out_of_range"
        return "ambiguous" if self._is_open else "ok"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be said with the numbers; what was given and what is left out come first."""
        pattern, mismatch = self.context.pattern, self.status == "mismatch"
        missing = of_disk(pattern, self.seen)
        warnings = [*self.context.given.remarks, *pattern.remarks, *missing]
        if not mismatch:
            # A fit that explains nothing has measured nothing either.
            warnings += of_given(self.fit, self.context.given)
        if mismatch or self._leaves_much:
            warnings += of_form(pattern)
        if mismatch:
            warnings += [] if missing else of_rim(pattern)
            first = "if that is right, check" if warnings else "check"
            warnings.append(
                f"the simulated pattern leaves {self.fit.contrast_residual:.0%} of the contrast "
                f"inside the disk: {first} convergence angle, crystal, zone axis and high tension"
            )
        else:
            warnings += [*self._why_open(), *self._how_turned()]
        if not self.context.calibration.calibrated:
            warnings.append("the error bars of this bundle have not been calibrated")
        return tuple(warnings)

    @property
    def _leaves_much(self) -> bool:
        fit = self.fit
        return fit.structured_residual > _POOR_FIT or fit.unexplained > _POOR_OF_FITTED

    @property
    def _is_open(self) -> bool:
        """Whether other numbers may be right as well."""
        part = self.seen.cut or self.seen.said < _MOSTLY_SEEN
        return (
            self.probability < CLEAR
            or leaves_open(self.deviation_nm, self.fit.parameters.thickness_nm)
            or self._tilt_is_open
            or self._is_contradicted
            or self._leaves_much
            or (part and self.fit.structured_residual > _POOR_OF_PART)
            or self.fit.contrast < FAINT
            or self.seen.said < LEAST_OF_DISK
        )

    @property
    def _tilt_is_open(self) -> bool:
        fit = self.fit
        thickness = fit.parameters.thickness_nm
        std = self.context.calibration.tilt_std(fit.tilt_std_mrad, thickness, fit.noise_share)
        return leaves_tilt_open(std)

    @property
    def _is_contradicted(self) -> bool:
        """Whether the networks say another thickness, and the fit is not good enough to differ."""
        if self.reading is None or self.fit.structured_residual <= _GOOD_FIT:
            return False
        away = np.abs(self.context.bins - self.fit.parameters.thickness_nm)
        near = away <= max(PEAK_HALF_WIDTH + 0.5, 3 * self.deviation_nm)
        return bool(self.reading.probability[near].sum() < _SUPPORT)

    def _why_open(self) -> list[str]:
        if self.fit.contrast < FAINT:
            return [
                f"the crystal gives the disk a contrast of {self.fit.contrast:.1%} alone: too "
                "little to tell one thickness and tilt from others; a smaller convergence angle "
                "or a thicker place shows more"
            ]
        if self._tilt_is_open:
            return [
                "the pattern hardly says how the crystal is tilted, as it is so thin: other tilts "
                "explain it with other thicknesses; a smaller convergence angle shows more"
            ]
        if self._leaves_much:
            left = max(self.fit.structured_residual, self.fit.unexplained)
            return [
                f"the fit leaves {left:.0%} of the structure inside the disk: the crystal is too "
                "thin to be told from others, or not quite the one asked for"
            ]
        return []

    def _how_turned(self) -> list[str]:
        """That the rotation is not told, and so neither the polarity of a polar crystal."""
        if self.turned is None:
            return []
        there = self.turned.parameters
        rotation = fold(math.degrees(there.rotation), self.context.order)
        x, y = there.pattern_tilt
        return [
            f"with the crystal turned to {rotation:.0f}° the fit leaves hardly more (mistilt "
            f"{x:.2f}, {y:.2f} mrad): the pattern does not tell which way round the crystal is"
        ]
