"""The grids of a LACBED table: directions, beams, thicknesses and where entries stand."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pacbed.arrays import Indices, Mask, Matrix, Thicknesses
from pacbed.lacbed.directions import DirectionGrid, make_direction_grid
from pacbed.units import electron_wavelength

#: Directions that are looked at together.
_ROWS = 1000


@dataclass(frozen=True)
class TableGeometry:
    """What fixes the table's grids; everything else follows from it.

    Attributes
    ----------
    reciprocal : ndarray, shape (2, 2)
        Reciprocal lattice vectors as rows, 1/Å, in the pattern's axes x, y.
    point_group : ndarray of int, shape (m, 2, 2)
        Operations on fractional coordinates of the direct cell.
    beams : ndarray of int, shape (N, 2)
        Recorded beams, closed under the point group.
    high_tension_kV : float
    divisions : tuple of int
        Steps of the direction grid in each reciprocal lattice vector.
    direction_max_mrad : float
        Reach of the incident directions.
    convergence_max_mrad, mistilt_max_mrad : float
        Largest convergence semi-angle and tilt that can be synthesised.
    field : float
        Radius of the recorded field in convergence semi-angles.
    thickness_step_nm : float
    thickness_steps : int
        Thicknesses are 0, step, …, steps · step.
    """

    reciprocal: Matrix
    point_group: Indices
    beams: Indices
    high_tension_kV: float
    divisions: tuple[int, int]
    direction_max_mrad: float
    convergence_max_mrad: float
    mistilt_max_mrad: float
    field: float
    thickness_step_nm: float
    thickness_steps: int

    @cached_property
    def wavelength(self) -> float:
        """Electron wavelength, Å."""
        return electron_wavelength(self.high_tension_kV)

    @cached_property
    def lattice_mrad(self) -> Matrix:
        """Reciprocal lattice vectors as rows in mrad, shape (2, 2)."""
        return self.reciprocal * self.wavelength * 1e3

    @cached_property
    def thicknesses_nm(self) -> Thicknesses:
        """The table's thicknesses, nm."""
        return np.arange(self.thickness_steps + 1) * self.thickness_step_nm

    @cached_property
    def grid(self) -> DirectionGrid:
        """Directions and their irreducible wedge."""
        per_mrad = 1e-3 / self.wavelength
        return make_direction_grid(
            self.reciprocal,
            self.point_group,
            self.direction_max_mrad * per_mrad,
            self.divisions,
        )

    @cached_property
    def fine_lattice_mrad(self) -> Matrix:
        """Steps of the direction grid as rows in mrad, shape (2, 2)."""
        steps: Indices = np.array(self.divisions)
        return self.lattice_mrad / steps[:, None]

    @cached_property
    def rotation_order(self) -> int:
        """Order of the rotations of the point group."""
        return int((np.linalg.det(self.point_group) > 0).sum())

    @cached_property
    def beam_images(self) -> Indices:
        """Index of beam g W for each operation W and beam g, shape (m, N)."""
        code = {tuple(beam): n for n, beam in enumerate(self.beams.tolist())}
        return np.array(
            [[code[tuple(image)] for image in (self.beams @ w).tolist()] for w in self.point_group],
            np.int32,
        )

    @cached_property
    def kept_by(self) -> Mask:
        """Whether operation W leaves a wedge direction where it is, shape (m, K)."""
        wedge = self.grid.wedge
        kept: Mask = np.array([(wedge @ w == wedge).all(axis=1) for w in self.point_group])
        return kept

    @cached_property
    def orbits(self) -> Indices:
        """Number of the orbit (beams equal by symmetry) of each beam, shape (N,)."""
        _, inverse = np.unique(self.beam_images.min(axis=0), return_inverse=True)
        return inverse

    @cached_property
    def orbit_count(self) -> int:
        """Number of orbits."""
        return int(self.orbits.max()) + 1

    def reaches(self, rows: Indices | slice) -> Mask:
        """Whether beam g of some wedge directions k can reach the field, shape (K, N)."""
        k = self.grid.wedge[rows] @ self.fine_lattice_mrad
        length = np.linalg.norm(k, axis=1, keepdims=True)
        # A direction outside the aperture gets in only by a tilt the other way.
        forced = np.maximum(0, length - self.convergence_max_mrad)
        centre = k * (1 - forced / np.maximum(length, 1e-9))
        slack = self.mistilt_max_mrad - np.minimum(forced, self.mistilt_max_mrad)
        position = centre[:, None] + (self.beams @ self.lattice_mrad)[None]
        radius = self.field * self.convergence_max_mrad + slack
        inside: Mask = np.linalg.norm(position, axis=2) <= radius + 1e-9
        return inside

    @cached_property
    def recorded(self) -> Mask:
        """Whether beam g of wedge direction k can reach the field, shape (K, N)."""
        count = len(self.grid.wedge)
        # Some at a time: the positions of all pairs can be gigabytes.
        parts = [self.reaches(slice(n, n + _ROWS)) for n in range(0, count, _ROWS)]
        return np.concatenate(parts)

    @cached_property
    def pair_rows(self) -> list[tuple[Indices, Indices]]:
        """Wedge rows and beams of the stored entries, for each orbit."""
        rows: list[tuple[Indices, Indices]] = []
        for orbit in range(self.orbit_count):
            members = np.flatnonzero(self.orbits == orbit)
            k, local = np.nonzero(self.recorded[:, members])
            rows.append((k, members[local]))
        return rows

    @cached_property
    def entry_count(self) -> int:
        """Number of stored entries."""
        return sum(len(k) for k, _ in self.pair_rows)

    @cached_property
    def entry_of(self) -> Indices:
        """Place of (wedge direction, beam) among the entries, shape (K, N), int32.

        Entries that are not stored point behind the last one, where a zero stands.
        """
        place = np.full((len(self.grid.wedge), len(self.beams)), self.entry_count, np.int32)
        start = 0
        for k, beam in self.pair_rows:
            place[k, beam] = np.arange(start, start + len(k))
            start += len(k)
        return place
