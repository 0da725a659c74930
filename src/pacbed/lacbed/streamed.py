"""A table's neighbourhoods: what each stores, and how they become coefficients as they come."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from pacbed.arrays import Indices, Numbers, Singles, Vectors
from pacbed.lacbed.compress import (
    Coefficients,
    Reduced,
    Sample,
    packed_bytes,
    reduce_entries,
    stored_entries,
)
from pacbed.lacbed.geometry import TableGeometry
from pacbed.lacbed.intensities import Intensities
from pacbed.lacbed.neighbourhood import Tick
from pacbed.lacbed.too_large import TableTooLargeError
from pacbed.lacbed.workers import Progress, run_in_threads

#: Share of the neighbourhoods from which the functions of thickness are taken, the least number
#: of them, and the most memory that their intensities may take, bytes.
_SAMPLE, _LEAST_SAMPLE, _SAMPLE_BYTES = 0.12, 12, 2e8

#: Coarsest step of the coefficients that a bound on the file may lead to; see
#: ``benchmarks/table_sampling.py`` for what it costs.
COARSEST_QUANTUM = 1.6e-2
#: What entries that the sample did not show may add to the file.
_ROOM = 1.08
#: Most coefficients, also of zeros: reading them takes six times as many bytes of memory.
MOST_COEFFICIENTS = 150_000_000


class Kernel(Protocol):
    """What becomes of waves from some directions."""

    def __call__(
        self, directions: Vectors, beams: Indices, tick: Tick | None = None
    ) -> Intensities:
        """P_g(k; t) and what is lost, for directions in 1/Å and beams as indices."""


@dataclass(frozen=True)
class StoredTile:
    """Intensities that the table stores of a neighbourhood; may be sent elsewhere.

    What phonons take from a direction is its one entry of an orbit behind those of the beams.

    Attributes
    ----------
    kernel : Kernel
    geometry : TableGeometry
    tiles : list of ndarray of int
        Wedge rows of each neighbourhood.
    bases : list of ndarray, shape (rank, T), optional
        Functions of thickness of each orbit; without them the intensities are not reduced.
    quantum : float
        Step of the coefficients.
    """

    kernel: Kernel
    geometry: TableGeometry
    tiles: list[Indices]
    bases: list[Numbers] | None = None
    quantum: float = 0.0

    def __call__(self, number: int, tick: Tick | None = None) -> tuple[int, Any]:
        """Number of a neighbourhood, and its entries.

        They are orbits (E,) and intensities (T + 1, E) without bases, and with them a list of
        :class:`~pacbed.lacbed.compress.Reduced`.
        """
        rows = self.tiles[number]
        beams = self.beams_of(number)
        orbits, places = stored_entries(self.geometry, rows, beams)
        per_mrad = 1e-3 / self.geometry.wavelength
        directions = self.geometry.grid.wedge[rows] @ self.geometry.fine_lattice_mrad * per_mrad
        found = self.kernel(directions, self.geometry.beams[beams], tick)
        self._make_symmetric(found.beams, rows, beams)
        of_beams = found.beams.reshape(len(found.beams), -1)[:, places]
        values = np.concatenate([of_beams, found.lost], axis=1)
        orbits = np.append(orbits, np.full(len(rows), self.geometry.orbit_count))
        if self.bases is None:
            return number, (orbits, values)
        return number, reduce_entries(values, orbits, self.bases, self.quantum)

    def _make_symmetric(self, values: Singles, rows: Indices, beams: Indices) -> None:
        """Give beams that a direction's own symmetry makes equal the same intensities.

        A neighbourhood reaches over the mirror lines to one side only, so what the splitting
        leaves differs between them.
        """
        geometry = self.geometry
        local = np.full(len(geometry.beams), -1)
        local[beams] = np.arange(len(beams))
        for column in np.flatnonzero(geometry.kept_by[:, rows].sum(axis=0) > 1):
            operations = geometry.kept_by[:, rows[column]]
            images = local[geometry.beam_images[operations][:, beams]]
            # Beams that the direction does not store have images that nobody asked for.
            images = np.where((images >= 0).all(axis=0), images, np.arange(len(beams)))
            values[:, :, column] = values[:, images, column].mean(axis=1)

    def beams_of(self, number: int) -> Indices:
        """Numbers of the beams that a neighbourhood stores."""
        return np.flatnonzero(self.geometry.reaches(self.tiles[number]).any(axis=0))


#: Does the neighbourhoods elsewhere, and gives their results in any order.
Spread = Callable[[StoredTile, list[int]], Iterator[tuple[int, Any]]]


class Runner:
    """Does neighbourhoods here or elsewhere, and tells how many are finished of all."""

    def __init__(self, progress: Progress | None, spread: Spread | None, total: int) -> None:
        self._progress, self._spread, self._total = progress, spread, total
        self._before = 0

    def __call__(self, task: StoredTile, numbers: list[int]) -> Iterator[tuple[int, Any]]:
        """Results of some neighbourhoods, in the order in which they come."""
        results = (
            run_in_threads(task, numbers, self.tell)
            if self._spread is None
            else self._spread(task, numbers)
        )
        for done, result in enumerate(results, start=1):
            yield result
            if self._spread is not None:
                self.tell(done)
        self._before += len(numbers)

    def tell(self, done: int = 0) -> None:
        """Tell that some more are finished than before."""
        if self._progress is not None:
            self._progress((self._before + done) / self._total)


def compressed(
    task: StoredTile, quantum: float, run: Runner, file_bytes_max: float | None = None
) -> tuple[float, list[Numbers], list[Singles]]:
    """Quantum, bases and coefficients of all orbits: of a sample, then of the rest as it comes.

    The last is what phonons take from each direction of the wedge.

    Parameters
    ----------
    task : StoredTile
        Without bases.
    quantum : float
    run : Runner
    file_bytes_max : float, optional
        See :func:`~pacbed.lacbed.build.simulate_table`.
    """
    geometry = task.geometry
    chosen = _sample(task)
    found = dict(run(task, chosen))
    samples = [found.pop(number) for number in chosen]
    quantum, bases = _fitting(geometry, samples, quantum, run, file_bytes_max)
    counts = _counts(geometry)
    starts = np.cumsum([0, *counts])
    coefficients = Coefficients(bases, counts, quantum)

    def put(number: int, reduced: list[Reduced]) -> None:
        rows, beams = task.tiles[number], task.beams_of(number)
        found, places = stored_entries(geometry, rows, beams)
        at = geometry.entry_of[np.ix_(rows, beams)].T.ravel()[places]
        for part in reduced:
            if part.orbit == geometry.orbit_count:
                coefficients.put(part, rows)
                continue
            first = int(np.searchsorted(found, part.orbit))
            entries = at[first : first + len(part.coefficients)]
            coefficients.put(part, entries - starts[part.orbit])

    for number, (orbit, values) in zip(chosen, samples, strict=True):
        put(number, reduce_entries(values, orbit, bases, quantum))
        run.tell()
    del samples
    rest = sorted(set(range(len(task.tiles))) - set(chosen))
    for number, reduced in run(replace(task, bases=bases, quantum=quantum), rest):
        put(number, reduced)
    return quantum, *coefficients.finished()


def _fitting(
    geometry: TableGeometry,
    samples: list[tuple[Indices, Singles]],
    quantum: float,
    run: Runner,
    file_bytes_max: float | None,
) -> tuple[float, list[Numbers]]:
    """Functions of thickness, and the quantum with which the file keeps to its bound."""
    counts = np.array(_counts(geometry))
    orbits = range(len(counts))
    while True:
        sample = Sample(samples, len(orbits), quantum)
        by_orbit = dict(run_in_threads(sample.basis, orbits, lambda done: run.tell()))
        bases = [by_orbit[orbit] for orbit in orbits]
        if file_bytes_max is None:
            return quantum, bases
        share = counts.sum() / sum(values.shape[1] for _, values in samples)
        size = _ROOM * packed_bytes(samples, bases, quantum, share)
        many = sum(len(basis) * count for basis, count in zip(bases, counts, strict=True))
        if size <= file_bytes_max and many <= MOST_COEFFICIENTS:
            return quantum, bases
        if quantum >= COARSEST_QUANTUM:
            raise TableTooLargeError(
                f"the table would take {size / 1e6:.0f} MB, {file_bytes_max / 1e6:.0f} are allowed",
                coarser=True,
            )
        quantum = min(max(quantum, 1e-3) * 1.5, COARSEST_QUANTUM)


def _counts(geometry: TableGeometry) -> list[int]:
    """Entries of each orbit, and at the end one of each direction for what it loses."""
    return [*(len(k) for k, _ in geometry.pair_rows), len(geometry.grid.wedge)]


def _sample(task: StoredTile) -> list[int]:
    """Neighbourhoods from which the functions of thickness are taken, evenly spread."""
    count = len(task.tiles)
    entries = sum(_counts(task.geometry))
    each = 4 * (task.geometry.thickness_steps + 1) * entries / count
    wanted = min(max(_LEAST_SAMPLE, _SAMPLE * count), max(3.0, _SAMPLE_BYTES / each))
    places: list[float] = np.linspace(0, count - 1, min(count, int(wanted))).tolist()
    return sorted({round(place) for place in places})
