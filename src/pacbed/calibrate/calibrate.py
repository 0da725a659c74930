"""Calibrate a system: simulate, ask, fit; and judge each run by the others."""

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pacbed.calibrate.coverage import Report, left_out
from pacbed.calibrate.error_model import fit_calibration
from pacbed.calibrate.measured import NEUTRAL, Measured, joined, measure
from pacbed.calibrate.runs import Run, plan_run
from pacbed.crystal.structure import Crystal
from pacbed.errors import CrystalError, OutOfRangeError
from pacbed.infer.judge.confidence import Calibration
from pacbed.infer.open_predictor import FittingPredictor, open_fitting_predictor
from pacbed.library.models.kinds import Model
from pacbed.reference.simulation import simulate_reference
from pacbed.version import __version__

#: Runs without which those that are left out say nothing.
LEAST_RUNS = 4
#: Share of right patterns that a system knows for its own even where it is not calibrated.
_LEAST_KNOWN = 0.3
#: Share of a run's work that is the simulation.
_SIMULATION = 0.7


@dataclass(frozen=True)
class Calibrated:
    """A calibration and what it was measured on.

    Attributes
    ----------
    values : dict
        What a model's description stores.
    report : Report
        Of each run, under the calibration that the others give.
    runs : int
    """

    values: dict[str, Any]
    report: Report
    runs: int


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes
    ----------
    minutes : float
        No run is begun that would end later; the first :data:`LEAST_RUNS` runs are made
        anyway.
    runs : int
        Most runs.
    seed : int
    threads : int or None
        By default as many as there are processors.

    Raises
    ------
    OutOfRangeError
        If a value is impossible.
    """

    minutes: float = 10.0
    runs: int = 40
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.minutes < 1e5:
            raise OutOfRangeError(f"minutes is {self.minutes:g}; give a number above 0")
        if not LEAST_RUNS <= self.runs <= 10_000:
            raise OutOfRangeError(f"runs is {self.runs}; give {LEAST_RUNS} to 10000")
        if self.seed < 0:
            raise OutOfRangeError(f"seed is {self.seed}; give a whole number from 0 up")


def calibrate(
    model: Model,
    crystal: Crystal,
    folder: Path,
    effort: Effort,
    progress: Callable[[float], None],
) -> Calibrated:
    """Measure the errors of a system's answers on frozen phonons of its crystal.

    All runs are fitted; what is promised is judged by runs that are left out in turn. Finished runs
    are kept in `folder`, and not made again.

    Parameters
    ----------
    model : Model
        With a table.
    crystal : Crystal
        What the table is of.
    folder : Path
        Is made if it is missing.
    effort : Effort
    progress : callable
        Called with the finished share, 0..1; may raise to end the work.

    Raises
    ------
    UnknownSystemError
        If the model has no table.
    CrystalError, OutOfRangeError
        If the crystal cannot be simulated, or is not the system's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    runs = list(_runs(model, crystal, folder, effort, progress))
    measured = joined(runs)
    share = len(measured.judged(Calibration())) / len(measured)
    if share < _LEAST_KNOWN:
        raise CrystalError(
            f"the system {model.system.name} knows {share:.0%} of the simulated patterns of this "
            "crystal for its own: give the crystal that its table was made from"
        )
    values, judged = fit_calibration(measured), left_out(measured)
    measured_on = {
        "version": __version__,
        "seed": effort.seed,
        "runs": len(runs),
        "report": dataclasses.asdict(judged),
    }
    return Calibrated({**values, "measured_on": measured_on}, judged, len(runs))


def _runs(
    model: Model,
    crystal: Crystal,
    folder: Path,
    effort: Effort,
    progress: Callable[[float], None],
) -> Iterator[Measured]:
    """Runs as long as there is time: kept ones, then new ones."""
    predictor = open_fitting_predictor(dataclasses.replace(model, calibration=NEUTRAL))
    clock = _Clock(effort, progress)
    for number in range(effort.runs):
        run = plan_run(model.system, number, effort.seed)
        key = _key(model, crystal, run)
        path = folder / f"run-{number:03d}.npz"
        found = Measured.load(path, key)
        if found is None:
            if clock.is_late(number):
                break
            found = _new_run(predictor, crystal, run, clock, effort.threads)
            found.save(path, key)
            clock.finished()
        yield found
    progress(1.0)


def _new_run(
    predictor: FittingPredictor, crystal: Crystal, run: Run, clock: "_Clock", threads: int | None
) -> Measured:
    """Simulate a run and ask what its patterns are."""
    zone_axis = predictor.bundle.system.known_zone_axis

    def simulating(done: int, of: int) -> None:
        clock.tell(run.number, _SIMULATION * done / of)

    def asking(share: float) -> None:
        clock.tell(run.number, _SIMULATION + (1 - _SIMULATION) * share)

    simulated = simulate_reference(crystal, zone_axis, run.options, simulating, threads)
    return measure(predictor, run, simulated, asking, threads)


class _Clock:
    """How much of the time is gone, and whether another run still has its place in it."""

    def __init__(self, effort: Effort, progress: Callable[[float], None]) -> None:
        self._effort, self._progress = effort, progress
        self._started = self._begun = time.monotonic()
        self._longest = 0.0

    def is_late(self, number: int) -> bool:
        """Whether run `number` should not be begun."""
        self._begun = time.monotonic()
        ends = self._begun - self._started + self._longest
        return ends > 60 * self._effort.minutes and number >= LEAST_RUNS

    def finished(self) -> None:
        """A run that took its time has ended."""
        self._longest = max(self._longest, time.monotonic() - self._begun)

    def tell(self, number: int, share: float) -> None:
        """Tell the finished share of all: by the time or by the runs, whichever ends first."""
        runs = number + share
        spent = (time.monotonic() - self._started) / (60 * self._effort.minutes)
        done = max(runs / self._effort.runs, min(spent, runs / LEAST_RUNS))
        self._progress(min(done, 0.999))


def _key(model: Model, crystal: Crystal, run: Run) -> str:
    """A word that changes with whatever a run's answers depend on."""
    content = {
        "version": __version__,
        "files": dict(model.hashes),
        "crystal": [
            crystal.cell.tolist(),
            list(crystal.symbols),
            crystal.positions.tolist(),
            crystal.occupancies.tolist(),
            crystal.b_iso.tolist(),
        ],
        "run": dataclasses.asdict(run),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
