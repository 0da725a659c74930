"""What a system answers to recorded patterns whose truth is known."""

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.answer.estimate import Estimate
from pacbed.arrays import Mask, Numbers
from pacbed.calibrate.recorded import DOSES, Recorded, record
from pacbed.calibrate.runs import Run
from pacbed.errors import FileFormatError
from pacbed.files import write_atomically
from pacbed.infer.judge.confidence import Calibration, Evidence
from pacbed.infer.open_predictor import AnyPredictor
from pacbed.lacbed.workers import run_in_threads
from pacbed.reference.patterns import ReferencePatterns


@dataclass(frozen=True)
class Measured:
    """Answers and their errors, one entry for each pattern.

    Attributes
    ----------
    run : ndarray, shape (n,)
        Number of the run that the pattern is of.
    dose : ndarray, shape (n,)
        Electrons.
    thickness_nm, thickness_error_nm, thickness_fit_nm : ndarray, shape (n,)
        Truth, answer less truth, and the fit's own error.
    tilt_error_mrad : ndarray, shape (n, 2)
    tilt_fit_mrad : ndarray, shape (n,)
        The fit's own error of a component.
    noise_share : ndarray, shape (n,)
        Share of the variance of both that the electrons' noise makes.
    figures : ndarray, shape (n, 4)
        Of the evidence, see :class:`pacbed.infer.judge.confidence.Evidence`.
    """

    run: Numbers
    dose: Numbers
    thickness_nm: Numbers
    thickness_error_nm: Numbers
    thickness_fit_nm: Numbers
    tilt_error_mrad: Numbers
    tilt_fit_mrad: Numbers
    noise_share: Numbers
    figures: Numbers

    def __len__(self) -> int:
        return len(self.run)

    def where(self, chosen: Mask) -> "Measured":
        """Some of the entries."""
        return Measured(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})

    def judged(self, calibration: Calibration) -> "Measured":
        """Those with a thickness and a tilt that the calibration does not refuse."""
        answered = np.isfinite(self.thickness_fit_nm + self.tilt_fit_mrad)
        answered &= np.isfinite(self.tilt_error_mrad).all(axis=1)
        return self.where(answered & (calibration.doubts(self.figures) <= calibration.mismatch))

    def thickness_std_nm(self, calibration: Calibration) -> Numbers:
        """Standard errors of the thickness under a calibration, shape (n,)."""
        entries = zip(self.thickness_fit_nm, self.thickness_nm, self.noise_share, strict=True)
        return np.array([calibration.thickness_std(*map(float, entry)) for entry in entries])

    def tilt_std_mrad(self, calibration: Calibration) -> Numbers:
        """The same of a component of the tilt."""
        entries = zip(self.tilt_fit_mrad, self.thickness_nm, self.noise_share, strict=True)
        return np.array([calibration.tilt_std(*map(float, entry)) for entry in entries])

    def save(self, path: Path, key: str) -> None:
        """Write an ``.npz`` without pickles, with a word for what it is of."""
        content = io.BytesIO()
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        np.savez_compressed(content, key=np.array(json.dumps(key)), **arrays)
        write_atomically(path, content.getvalue())

    @classmethod
    def load(cls, path: Path, key: str) -> "Measured | None":
        """What :meth:`save` wrote; None where it is missing, damaged or of something else."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                if json.loads(str(arrays["key"])) != key:
                    return None
                return cls(**{f.name: arrays[f.name] for f in fields(cls)})
        except (OSError, ValueError, KeyError, EOFError, FileFormatError, zipfile.BadZipFile):
            return None


def joined(parts: Sequence[Measured]) -> Measured:
    """The entries of all parts, one part after the other."""
    return Measured(
        **{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Measured)}
    )


def measure(
    predictor: AnyPredictor,
    run: Run,
    simulated: ReferencePatterns,
    progress: Callable[[float], None],
    threads: int | None = None,
) -> Measured:
    """Record every pattern of a run once and ask for its thickness, without its camera length.

    Parameters
    ----------
    predictor : AnyPredictor
        With the fit's own error bars.
    run : Run
    simulated : ReferencePatterns
    progress : callable
        Called with the finished share; may raise to end the work.
    threads : int, optional
        By default as many as there are processors.
    """
    tilt = np.array([run.options.tilt_x_mrad, run.options.tilt_y_mrad])
    count = len(simulated.thicknesses_nm)

    def task(index: int, tick: Callable[[], None]) -> tuple[int, Measured]:
        tick()
        rng = np.random.default_rng([run.seed, run.number, index])
        dose = DOSES[(index + run.number // 2) % len(DOSES)]
        recorded = record(simulated, index, tilt, dose, rng)
        found = predictor.infer(recorded.image, run.options.convergence_mrad)
        return index, entry_of(run.number, recorded, found)

    entries = dict(run_in_threads(task, range(count), lambda done: progress(done / count), threads))
    return joined([entries[index] for index in range(count)])


def entry_of(number: int, recorded: Recorded, found: Estimate) -> Measured:
    """The entry of one pattern.

    Parameters
    ----------
    number : int
        Of its run.
    recorded : Recorded
    found : Estimate
        With the fit's own errors.
    """
    # What there is no evidence of has no entry.
    said: dict[str, Any] = {f.name: found.provenance.get(f.name) for f in fields(Evidence)}
    said = {"structured_residual": np.nan, "residual": np.nan} | {
        name: value for name, value in said.items() if value is not None
    }
    absent = {"tilt_error_mrad": None, "thickness_std_nm": None}
    evidence = Evidence(**{**absent, **said})
    tilt = np.array([_number(found.tilt_x_mrad), _number(found.tilt_y_mrad)])
    return Measured(
        run=np.array([number]),
        dose=np.array([recorded.dose]),
        thickness_nm=np.array([recorded.thickness_nm]),
        thickness_error_nm=np.array([found.thickness_nm - recorded.thickness_nm]),
        thickness_fit_nm=np.array([found.thickness_std_nm]),
        tilt_error_mrad=(tilt - recorded.tilt)[None],
        tilt_fit_mrad=np.array([_number(found.tilt_std_mrad)]),
        noise_share=np.array([found.provenance.get("noise_share", 1.0)]),
        figures=evidence.figures()[None],
    )


def _number(value: float | None) -> float:
    return np.nan if value is None else value


#: A calibration under which the error bars are the fit's own, and nothing is refused.
NEUTRAL = {
    "thickness_scale": 1.0,
    "thickness_rest": 1.0,
    "thickness_floor_nm": 0.0,
    "thickness_relative": 0.0,
    "tilt_scale": 1.0,
    "tilt_rest": 1.0,
    "tilt_floor_mrad": 0.0,
    "tilt_thin_mrad": 0.0,
    "thickness_thinnest_nm": 0.0,
    "tilt_thinnest_mrad": 0.0,
    "mismatch": float("inf"),
}
