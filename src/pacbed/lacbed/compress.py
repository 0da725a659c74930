"""Compression of a table while it is made: its intensities are never held whole.

The functions of thickness that an orbit needs are known from a sample of the directions. All
others are reduced to coefficients as they come. What the functions cannot carry, such as a narrow
resonance that no direction of the sample met, is kept beside, and the orbit gets functions
for it in the end.
"""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from pacbed.arrays import Indices, Numbers, Singles
from pacbed.lacbed.geometry import TableGeometry

#: Functions of thickness whose coefficients stay below this share of the quantum are left out;
#: up to a half all of them would round to zero.
_LEFT_OUT = 0.45
#: An entry is carried badly if more than this is left of it, in quanta (root of the squares' sum
#: over the thicknesses). Rounding some ten coefficients leaves as much.
_BADLY = 1.0
#: Weight of all orbits' intensities beside those of one: what comes is rather like these.
_COMMON = 1e-4
#: Entries of an orbit that are kept beside before it gets functions for them.
_MOST_BESIDE = 2000


@dataclass(frozen=True)
class Reduced:
    """Coefficients of some entries of one orbit.

    Attributes
    ----------
    orbit : int
    coefficients : ndarray, shape (E, rank)
        In quanta, where these are whole numbers that fit.
    badly : ndarray of int, shape (B,)
        Entries that the orbit's functions carry badly.
    left : ndarray of float32, shape (T, B)
        What is left of these.
    """

    orbit: int
    coefficients: np.ndarray
    badly: Indices
    left: Singles


def stored_entries(
    geometry: TableGeometry, rows: Indices, beams: Indices
) -> tuple[Indices, Indices]:
    """The entries that some directions and beams make, orbit by orbit.

    Parameters
    ----------
    geometry : TableGeometry
    rows : ndarray of int, shape (K,)
        Rows of the wedge.
    beams : ndarray of int, shape (R,)
        Numbers of beams.

    Returns
    -------
    orbits : ndarray of int, shape (E,)
        Orbit of each, ascending.
    places : ndarray of int, shape (E,)
        Where they stand among the pairs (beam, direction), flattened.
    """
    place = np.flatnonzero(geometry.reaches(rows)[:, beams].T)
    orbit = geometry.orbits[beams][place // len(rows)]
    order = np.argsort(orbit, kind="stable")
    return orbit[order], place[order]


class Sample:
    """Entries of some directions, from which the functions of thickness are taken.

    Parameters
    ----------
    parts : list of tuple
        Orbits of the entries, ascending, shape (E,), and the entries, shape (T, E).
    orbits : int
        Number of orbits.
    quantum : float
        Step of the coefficients; with 0 no function is left out.
    """

    def __init__(self, parts: list[tuple[Indices, Singles]], orbits: int, quantum: float) -> None:
        self._parts, self._quantum = parts, quantum
        self._bounds = [np.searchsorted(found, np.arange(orbits + 1)) for found, _ in parts]
        moment = sum((values @ values.T).astype(np.float64) for _, values in parts)
        power, vectors = np.linalg.eigh(moment)
        # In these few functions the orbits are told apart more cheaply.
        kept = power > (0.2 * quantum) ** 2 if quantum > 0 else np.ones(len(power), bool)
        self._power = power[kept] / max(1, sum(values.shape[1] for _, values in parts))
        self._common = vectors[:, kept]

    def basis(self, orbit: int, tick: object = None) -> tuple[int, Numbers]:
        """Number of an orbit and its functions, shape (rank, T), as they will be stored."""
        narrow = self._common.T.astype(np.float32)
        blocks = [
            narrow @ values[:, bounds[orbit] : bounds[orbit + 1]]
            for (_, values), bounds in zip(self._parts, self._bounds, strict=True)
            if bounds[orbit] < bounds[orbit + 1]
        ]
        block = np.concatenate(blocks, axis=1) if blocks else np.zeros((len(narrow), 0), np.float32)
        moment = block.astype(np.float64) @ block.T.astype(np.float64)
        moment[np.diag_indices(len(moment))] += _COMMON * np.maximum(self._power, 0)
        turned = np.linalg.eigh(moment)[1][:, ::-1]
        rank = len(moment)
        if self._quantum > 0:
            largest = np.abs(turned.T.astype(np.float32) @ block).max(axis=1, initial=0.0)
            rank = _last(largest > _LEFT_OUT * self._quantum)
        return orbit, _as_stored((self._common @ turned[:, :rank]).T)


def _as_stored(basis: Numbers) -> Numbers:
    return basis.astype(np.float16).astype(np.float64)


def _last(kept: Any) -> int:
    places = np.flatnonzero(kept)
    return int(places[-1]) + 1 if len(places) else 0


def stored_type(steps: int, quantum: float) -> type[np.int16] | type[np.float32]:
    """Whole numbers of quanta, where the largest that can be fits."""
    # Intensities are at most 1, so a coefficient is at most the root of their number.
    fits = quantum > 0 and 1.1 * np.sqrt(steps) / quantum < np.iinfo(np.int16).max
    return np.int16 if fits else np.float32


def reduce_entries(
    values: Singles, orbits: Indices, bases: list[Numbers], quantum: float
) -> list[Reduced]:
    """Coefficients of some entries, rounded to the quantum.

    Parameters
    ----------
    values : ndarray of float32, shape (T, E)
    orbits : ndarray of int, shape (E,)
        Ascending.
    bases : list of ndarray
    quantum : float
    """
    found = []
    present, starts = np.unique(orbits, return_index=True)
    for orbit, start, stop in zip(present, starts, [*starts[1:], len(orbits)], strict=True):
        part, basis = values[:, start:stop], bases[orbit].astype(np.float32)
        coefficients = part.T @ _dual(bases[orbit]).T.astype(np.float32)
        left = part - basis.T @ coefficients.T
        badly = np.flatnonzero(np.einsum("te,te->e", left, left) > (_BADLY * quantum) ** 2)
        if quantum == 0:
            badly = badly[:0]
        rounded = _rounded(coefficients, quantum, stored_type(len(values), quantum))
        found.append(Reduced(int(orbit), rounded, badly, np.ascontiguousarray(left[:, badly])))
    return found


def packed_bytes(
    samples: list[tuple[Indices, Singles]], bases: list[Numbers], quantum: float, share: float
) -> float:
    """Bytes that a table takes in a file, see :mod:`pacbed.lacbed.table`.

    Parameters
    ----------
    samples, bases, quantum
        As for :class:`Sample`, with its bases.
    share : float
        Entries of the table for each of the sample.
    """
    parts: list[list[np.ndarray]] = [[] for _ in bases]
    for orbits, values in samples:
        for part in reduce_entries(values, orbits, bases, quantum):
            parts[part.orbit].append(part.coefficients)
    # As a file has them: orbit by orbit, function by function.
    columns = [np.concatenate(some).T.ravel() for some in parts if some]
    integers = np.concatenate([column.astype(np.int16) for column in columns])
    planes = np.stack([integers & 0xFF, (integers >> 8) & 0xFF]).astype(np.uint8)
    functions = np.concatenate([basis.ravel() for basis in bases]).astype(np.float16)
    return len(zlib.compress(functions.tobytes())) + share * len(zlib.compress(planes.tobytes()))


def _dual(basis: Numbers) -> Numbers:
    """Rows whose products with an entry are its coefficients; rounded functions overlap."""
    dual: Numbers = np.linalg.solve(basis @ basis.T, basis) if len(basis) else basis
    return dual


def _rounded(coefficients: Singles, quantum: float, kind: type) -> np.ndarray:
    if quantum > 0:
        coefficients = np.rint(coefficients / np.float32(quantum))
        if kind is np.float32:
            coefficients = coefficients * np.float32(quantum)
    return coefficients.astype(kind)


class Coefficients:
    """Coefficients of a growing table, in the form in which they take least memory.

    Parameters
    ----------
    bases : list of ndarray, shape (rank, T)
    counts : list of int
        Entries of each orbit.
    quantum : float
    """

    def __init__(self, bases: list[Numbers], counts: list[int], quantum: float) -> None:
        self._bases, self._quantum = list(bases), quantum
        self._kind = stored_type(bases[0].shape[1], quantum)
        self._values = [
            np.zeros((count, len(basis)), self._kind)
            for count, basis in zip(counts, bases, strict=True)
        ]
        self._beside: dict[int, list[tuple[Indices, Singles]]] = {}
        self._added: dict[int, list[tuple[Indices, int, np.ndarray]]] = {}

    def put(self, reduced: Reduced, places: Indices) -> None:
        """Take the coefficients of some entries of one orbit, by their places in it."""
        orbit, values = reduced.orbit, reduced.coefficients
        self._values[orbit][places, : values.shape[1]] = values
        if len(reduced.badly):
            beside = self._beside.setdefault(orbit, [])
            beside.append((places[reduced.badly], reduced.left))
            if sum(len(at) for at, _ in beside) > _MOST_BESIDE:
                self._widen(orbit)

    def _widen(self, orbit: int) -> None:
        """Add functions for what an orbit's present ones carry badly."""
        beside = self._beside.pop(orbit, [])
        if not beside:
            return
        places = np.concatenate([at for at, _ in beside])
        left = np.concatenate([values for _, values in beside], axis=1).astype(np.float64)
        vectors, sizes, _ = np.linalg.svd(left, full_matrices=False)
        shares = np.abs(vectors.T @ left).max(axis=1)
        rank = _last(np.logical_and(shares > _LEFT_OUT * self._quantum, sizes > 0))
        if rank == 0:
            return
        first = len(self._bases[orbit])
        basis = _as_stored(vectors[:, :rank].T)
        self._bases[orbit] = np.concatenate([self._bases[orbit], basis])
        coefficients = (_dual(basis) @ left).T.astype(np.float32)
        rounded = _rounded(coefficients, self._quantum, self._kind)
        self._added.setdefault(orbit, []).append((places, first, rounded))

    def finished(self) -> tuple[list[Numbers], list[Singles]]:
        """Bases and coefficients in single precision, without functions that nothing needs."""
        kept, coefficients = [], []
        for orbit in range(len(self._bases)):
            self._widen(orbit)
            basis, narrow = self._bases[orbit], self._values[orbit]
            self._values[orbit] = np.zeros((0, 0), self._kind)
            values = np.zeros((len(narrow), len(basis)), np.float32)
            values[:, : narrow.shape[1]] = narrow
            for places, first, added in self._added.pop(orbit, []):
                values[places, first : first + added.shape[1]] = added
            rank = _last(values.any(axis=0))
            if self._kind is np.int16:
                values *= np.float32(self._quantum)
            kept.append(basis[:rank])
            coefficients.append(np.ascontiguousarray(values[:, :rank]))
        return kept, coefficients
