"""The LACBED table of a crystal: every beam, direction and thickness, compressed.

Needs NumPy and SciPy only, so that serving never loads the simulation's
dependencies.

Storage: beams that are equal by symmetry form an orbit. The intensities of an
orbit over the irreducible directions are a matrix (directions × thicknesses);
its singular vectors along thickness are kept together with coefficients that
are integers in units of one step `quantum`, which is the same for the whole
table: the error is then uniform, and weak beams cost next to nothing. What
phonons take from each direction is kept in the same way.
"""

import io
import itertools
import json
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.bounded import parse_arrays, parse_json, read_bytes
from pacbed.errors import BundleError, OutOfRangeError
from pacbed.files import write_atomically
from pacbed.lacbed.geometry import TableGeometry
from pacbed.lacbed.lost import LostShares
from pacbed.lacbed.stored import check_grids
from pacbed.spline import CubicSpline

#: Of tables with and without what phonons take; the others were made before.
_FORMAT, _WITHOUT_LOST = 2, 1
#: More than this after unpacking is no table of ours, MiB.
_LARGEST_MIB = 512
#: Numbers of a table that are taken at once.
_AT_ONCE = 1 << 17


@dataclass(frozen=True, eq=False)
class LacbedTable:
    """P_g(k; t) of a crystal along a zone axis, compressed; each is equal to itself alone.

    Attributes
    ----------
    geometry : TableGeometry
    bases : list of ndarray, shape (rank, T)
        Singular vectors along thickness of each orbit.
    coefficients : list of ndarray of float32, shape (entries, rank)
        Their coefficients.
    quantum : float
        Step of the stored coefficients.
    provenance : dict
        Options and versions that made the table.
    lost : LostShares or None
        What phonons take from each direction; None in tables of earlier versions.
    """

    geometry: TableGeometry
    bases: list[np.ndarray]
    coefficients: list[np.ndarray]
    quantum: float
    provenance: dict[str, Any]
    lost: LostShares | None = None

    @cached_property
    def _spline(self) -> CubicSpline:
        t = self.geometry.thicknesses_nm
        return CubicSpline(t, np.eye(len(t)), axis=0)

    def thickness_weights(self, thickness_nm: float | np.ndarray, order: int = 0) -> np.ndarray:
        """Weights of the table's thicknesses in a cubic spline, or in its derivative.

        Parameters
        ----------
        thickness_nm : float or ndarray
            Thicknesses, nm.
        order : int
            0 for the value, 1 for the derivative in 1/nm.

        Returns
        -------
        ndarray, shape (..., T)

        Raises
        ------
        OutOfRangeError
            If a thickness lies outside the table.
        """
        largest = float(self.geometry.thicknesses_nm[-1])
        given = np.asarray(thickness_nm, float)
        outside = given[~((given >= 0) & (given <= largest))]
        if outside.size:
            raise OutOfRangeError(
                f"thickness {outside[0]:g} nm lies outside the table; give 0 to {largest:g} nm"
            )
        return np.asarray(self._spline(given, order))

    @cached_property
    def common_basis(self) -> np.ndarray:
        """Orthonormal functions of thickness that carry all orbits, shape (R, T).

        The eigenvectors of the second moment of a sample of the entries, as many as
        leave less than 0.3 % of the table's norm.
        """
        steps = len(self.geometry.thicknesses_nm)
        moment = np.zeros((steps, steps))
        for basis, values in zip(self.bases, self.coefficients, strict=True):
            sample = values[:: max(1, len(values) // 4000)].astype(np.float64)
            share = len(values) / max(len(sample), 1)
            moment += share * basis.T @ (sample.T @ sample) @ basis
        power, vectors = np.linalg.eigh(moment)
        left = np.cumsum(np.maximum(power, 0))
        rank = int((left > (3e-3) ** 2 * left[-1]).sum())
        return np.ascontiguousarray(vectors[:, ::-1][:, :rank].T)

    @cached_property
    def _orbit_starts(self) -> np.ndarray:
        return np.cumsum([0, *(len(values) for values in self.coefficients)])

    def evaluate(self, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Some entries at some thicknesses, or their products with functions of it.

        Parameters
        ----------
        places : ndarray of int, shape (C,)
            Places among the entries, orbit after orbit, without the last (zero) one.
        weights : ndarray, shape (M, T)
            From :meth:`thickness_weights`, or :attr:`common_basis` for coefficients.

        Returns
        -------
        ndarray of float32, shape (C, M)
        """
        bounds = np.searchsorted(places, self._orbit_starts)
        values = np.empty((len(places), len(weights)), np.float32)
        for orbit, (first, last) in enumerate(itertools.pairwise(bounds)):
            if last == first:
                continue
            coefficients = self.coefficients[orbit]
            mixing = (self.bases[orbit] @ weights.T).astype(np.float32)
            local = places[first:last] - self._orbit_starts[orbit]
            # As many rows at once as the processor's cache holds.
            count = max(64, _AT_ONCE // max(coefficients.shape[1], 1))
            for start in range(0, len(local), count):
                rows = coefficients.take(local[start : start + count], axis=0)
                to = first + start
                _product(rows, mixing, values[to : to + len(rows)])
        return values

    def entries(self, thickness_nm: float) -> np.ndarray:
        """All stored intensities at one thickness.

        Parameters
        ----------
        thickness_nm : float

        Returns
        -------
        ndarray of float32, shape (entries + 1,)
            In the order of ``geometry.entry_of``; the last is zero.

        Raises
        ------
        OutOfRangeError
            If the thickness lies outside the table.
        """
        weights = self.thickness_weights(thickness_nm)
        parts = [
            _product(values, (basis @ weights).astype(np.float32))
            for values, basis in zip(self.coefficients, self.bases, strict=True)
        ]
        return np.concatenate([*parts, np.zeros(1, np.float32)])

    def save(self, path: Path) -> None:
        """Write the table as :meth:`to_bytes` makes it, whole or not at all."""
        write_atomically(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """The table as an .npz without pickles, which takes seconds to compress.

        Raises
        ------
        OutOfRangeError
            If the quantum is too small for the coefficients.
        """
        g = self.geometry
        bases, coefficients = list(self.bases), list(self.coefficients)
        if self.lost is not None:
            bases.append(self.lost.basis)
            coefficients.append(self.lost.coefficients)
        header = {
            "format": _WITHOUT_LOST if self.lost is None else _FORMAT,
            "high_tension_kV": g.high_tension_kV,
            "divisions": list(g.divisions),
            "direction_max_mrad": g.direction_max_mrad,
            "convergence_max_mrad": g.convergence_max_mrad,
            "mistilt_max_mrad": g.mistilt_max_mrad,
            "field": g.field,
            "thickness_step_nm": g.thickness_step_nm,
            "thickness_steps": g.thickness_steps,
            "quantum": self.quantum,
            "ranks": [basis.shape[0] for basis in bases],
            "provenance": self.provenance,
        }
        # Column after column, low and high bytes apart: neighbours are alike and the
        # high bytes are mostly 0 or 255, which is what deflate likes.
        integers = np.concatenate([self._integers(values).T.ravel() for values in coefficients])
        planes = np.stack([integers & 0xFF, (integers >> 8) & 0xFF]).astype(np.uint8)
        arrays: dict[str, Any] = {
            "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
            "reciprocal": g.reciprocal.astype(np.float64),
            "point_group": g.point_group.astype(np.int8),
            "beams": g.beams.astype(np.int16),
            "bases": np.concatenate([b.ravel() for b in bases]).astype(np.float16),
            "coefficients": planes,
        }
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    def _integers(self, coefficients: np.ndarray) -> np.ndarray:
        steps = np.round(coefficients / self.quantum)
        largest, limit = float(np.abs(steps).max(initial=0)), np.iinfo(np.int16).max
        if not largest <= limit:
            enough = largest * self.quantum / limit
            raise OutOfRangeError(
                f"quantum {self.quantum:g} is too small for the table, whose coefficients reach "
                f"{largest * self.quantum:.3g}; give at least {enough:.1g}"
            )
        return steps.astype(np.int16)

    @classmethod
    def load(cls, path: Path) -> "LacbedTable":
        """Read a table that :meth:`save` wrote.

        Raises
        ------
        BundleError
            If the file is missing, broken or of another format.
        """
        try:
            content = read_bytes(path, _LARGEST_MIB << 20)
        except OSError as error:
            raise _no_table(path, error) from error
        return cls.from_bytes(content, str(path))

    @classmethod
    def from_bytes(cls, content: bytes, name: str) -> "LacbedTable":
        """Read what :meth:`to_bytes` made; errors name the file, see :meth:`load`."""
        try:
            return _unpack(parse_arrays(content, _LARGEST_MIB << 20))
        except (
            OSError, LookupError, ValueError, TypeError, ArithmeticError, EOFError, MemoryError,
            RuntimeError, zipfile.BadZipFile, zlib.error,
        ) as error:  # fmt: skip
            raise _no_table(name, error) from error


def _product(rows: np.ndarray, columns: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Matrix product of finite numbers.

    BLAS may raise the flag of an invalid operation for what lies beside them in memory
    (OpenBLAS issue 1924, NumPy issue 24067).
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(np.matmul(rows, columns, out=out))


def _no_table(name: Path | str, error: Exception) -> BundleError:
    return BundleError(
        f"{name}: is not a LACBED table ({error}); make it again with pacbed simulate"
    )


def _unpack(arrays: dict[str, np.ndarray]) -> LacbedTable:
    header = parse_json(arrays["header"].tobytes())
    if header["format"] not in (_FORMAT, _WITHOUT_LOST):
        raise ValueError(f"format {header['format']} instead of {_FORMAT}")
    check_grids(header, arrays)
    geometry = TableGeometry(
        reciprocal=arrays["reciprocal"],
        point_group=arrays["point_group"].astype(int),
        beams=arrays["beams"].astype(int),
        divisions=(int(header["divisions"][0]), int(header["divisions"][1])),
        **{
            name: header[name]
            for name in (
                "high_tension_kV",
                "direction_max_mrad",
                "convergence_max_mrad",
                "mistilt_max_mrad",
                "field",
                "thickness_step_nm",
                "thickness_steps",
            )
        },
    )
    low, high = arrays["coefficients"]
    integers = (low.astype(np.uint16) | (high.astype(np.uint16) << 8)).view(np.int16)
    count = geometry.thickness_steps + 1
    bases, coefficients, at, basis_at = [], [], 0, 0
    entries = [len(rows) for rows, _ in geometry.pair_rows]
    if header["format"] == _FORMAT:
        entries.append(len(geometry.grid.wedge))
    for rank, rows in zip(header["ranks"], entries, strict=True):
        size = rank * rows
        block = integers[at : at + size].reshape(rank, rows).T
        coefficients.append(np.ascontiguousarray(block, np.float32) * np.float32(header["quantum"]))
        basis = arrays["bases"][basis_at : basis_at + rank * count]
        bases.append(basis.reshape(rank, count).astype(np.float64))
        at, basis_at = at + size, basis_at + rank * count
    lost = None
    if header["format"] == _FORMAT:
        lost = LostShares(geometry, bases.pop(), coefficients.pop())
    return LacbedTable(geometry, bases, coefficients, header["quantum"], header["provenance"], lost)
