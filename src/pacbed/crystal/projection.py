"""The projected cell: what a fast electron sees of a crystal along a zone axis."""

import warnings
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pacbed.arrays import Indices, Matrix, Numbers, Vectors
from pacbed.crystal.stacking import StackedPlaces, Stacking
from pacbed.crystal.structure import Crystal
from pacbed.errors import CrystalError

#: Of a cell that is still to be found.
_NOWHERE = StackedPlaces(
    np.eye(2), np.zeros(2), 0.0, np.zeros((0, 3)), np.zeros(0, int), np.zeros(0)
)
#: Two columns closer than this (fractional coordinates) are one.
_TOLERANCE = 2e-3


@dataclass(frozen=True)
class ProjectedCell:
    """Primitive two-dimensional cell of the structure projected along [uvw].

    The plane's axes are fixed by the cell: x runs along the first lattice vector
    of the *reduced* two-dimensional cell as described in :func:`project`.

    Attributes
    ----------
    cell : ndarray, shape (2, 2)
        Lattice vectors as rows, Å, in the axes x, y of the pattern.
    symbols : tuple of str
        Element of each atom.
    positions : ndarray, shape (n, 2)
        Fractional coordinates in `cell`.
    weights : ndarray, shape (n,)
        Atoms of this kind per Å along the beam and cell: occupancy × count / period.
    b_iso : ndarray, shape (n,)
        Debye–Waller factors B, Å².
    point_group : ndarray of int, shape (m, 2, 2)
        Operations of the projection's point group on fractional coordinates,
        with the translation of each in `translations`.
    translations : ndarray, shape (m, 2)
        Fractional translations that go with `point_group`.
    axes : ndarray, shape (3, 3)
        Rows: the directions x, y and the beam z in the Cartesian axes of
        ``Crystal.cell``.
    stacked : StackedPlaces
        Where its atoms lie along the beam.
    """

    cell: Matrix
    symbols: tuple[str, ...]
    positions: Vectors
    weights: Numbers
    b_iso: Numbers
    point_group: Indices
    translations: Vectors
    axes: Numbers
    stacked: StackedPlaces

    @cached_property
    def stacking(self) -> Stacking:
        """All atoms of a period along the beam, as the cell's atoms are."""
        return self.stacked.of(self.symbols, self.weights, self.b_iso)

    @property
    def area(self) -> float:
        """Area of the cell, Å²."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def reciprocal(self) -> Matrix:
        """Reciprocal lattice vectors as rows, 1/Å (no factor 2π)."""
        return np.linalg.inv(self.cell).T

    @property
    def rotation_order(self) -> int:
        """Order of the rotations of the point group."""
        return max(1, sum(round(float(np.linalg.det(w))) == 1 for w in self.point_group))


def project(crystal: Crystal, zone_axis: tuple[int, int, int]) -> ProjectedCell:
    """Project a crystal along a direction and find the primitive plane cell.

    The orientation of the pattern is fixed: x lies along the projection of the
    first of **a**, **b**, **c** that is not parallel to the zone axis.

    Parameters
    ----------
    crystal : Crystal
    zone_axis : tuple of int
        Direction [uvw] (not a plane) in the crystal's lattice; the beam runs
        along it.

    Returns
    -------
    ProjectedCell

    Raises
    ------
    CrystalError
        If the direction is [000].
    """
    direction = np.array(zone_axis, int)
    if direction.shape != (3,) or not direction.any():
        raise CrystalError(f"zone axis {zone_axis} is not a direction; give three integers")
    direction = direction // np.gcd.reduce(direction)
    axes = _pattern_axes(crystal.cell, direction)
    period = float(np.linalg.norm(direction @ crystal.cell))
    plane_lattice = _reduce_plane_lattice(crystal.cell @ axes[:2].T, direction)
    # Sites of the 3-D cell that fall into one period of the column and one plane cell.
    per_cell = abs(np.linalg.det(plane_lattice)) * period / crystal.volume
    plane = (crystal.positions @ crystal.cell) @ axes[:2].T @ np.linalg.inv(plane_lattice)
    columns = _merge_columns(crystal, np.mod(plane, 1.0), per_cell / period)
    cell = _primitive_with_symmetry(plane_lattice, columns, axes)
    return replace(cell, stacked=_stack(crystal, direction, cell, plane_lattice, period))


def _pattern_axes(cell: Matrix, direction: Indices) -> Numbers:
    beam = direction @ cell
    beam = beam / np.linalg.norm(beam)
    for vector in cell:
        x = vector - (vector @ beam) * beam
        if np.linalg.norm(x) > 1e-6 * np.linalg.norm(vector):
            x = x / np.linalg.norm(x)
            return np.array([x, np.cross(beam, x), beam])
    raise CrystalError("the cell has no direction across the zone axis")


def _reduce_plane_lattice(projected: Vectors, direction: Indices) -> Matrix:
    """Basis of the lattice that a, b, c make when projected along `direction`.

    The integer vectors h with h·[uvw] = 0 are its reciprocal lattice; a unimodular
    completion of [uvw] gives the basis, Gauss reduction makes it short.
    """
    transform = basis_with_last(direction)
    basis = transform[:2] @ projected
    while True:
        if np.linalg.norm(basis[0]) > np.linalg.norm(basis[1]) + 1e-9:
            basis = basis[::-1]
        shift = np.round(basis[0] @ basis[1] / (basis[0] @ basis[0]))
        if shift == 0:
            break
        basis = np.array([basis[0], basis[1] - shift * basis[0]])
    return basis if np.linalg.det(basis) > 0 else np.array([basis[0], -basis[1]])


def basis_with_last(direction: Indices) -> Indices:
    """Integer matrix of determinant ±1 whose last row is `direction`.

    Its rows, as indices of lattice vectors, are a basis of the lattice.

    Parameters
    ----------
    direction : ndarray of int, shape (3,)
        Without a common divisor.
    """
    # Column operations bring the direction to (0, 0, 1); their inverse is the matrix.
    work = direction.copy()
    operations = np.eye(3, dtype=int)
    while np.count_nonzero(work) > 1:
        nonzero = np.flatnonzero(work)
        small = nonzero[np.argmin(np.abs(work[nonzero]))]
        for other in nonzero:
            if other != small:
                quotient = work[other] // work[small]
                work[other] -= quotient * work[small]
                operations[:, other] -= quotient * operations[:, small]
    last = int(np.flatnonzero(work)[0])
    operations[:, last] *= work[last]
    order = [i for i in range(3) if i != last] + [last]
    return np.round(np.linalg.inv(operations[:, order])).astype(int)


def _stack(
    crystal: Crystal, direction: Indices, cell: ProjectedCell, plane_lattice: Matrix, period: float
) -> StackedPlaces:
    """All atoms of a period, over the lattice's projection."""
    lifted = basis_with_last(direction)[:2] @ crystal.cell @ cell.axes.T
    # The plane lattice's vectors as sums of those that were lifted.
    steps = np.round(plane_lattice @ np.linalg.inv(lifted[:, :2]))
    kinds = list(zip(cell.symbols, cell.b_iso.tolist(), strict=True))
    atoms = np.array(
        [kinds.index(_kind(*kind)) for kind in zip(crystal.symbols, crystal.b_iso, strict=True)]
    )
    return StackedPlaces(
        lattice=plane_lattice,
        lifts=steps @ lifted[:, 2],
        period=period,
        places=crystal.positions @ crystal.cell @ cell.axes.T,
        atoms=atoms,
        shares=crystal.occupancies / cell.weights[atoms],
    )


def _kind(symbol: str, b_iso: float) -> tuple[str, float]:
    """What atoms have in common that are one in a column."""
    return symbol, round(float(b_iso), 6)


def _merge_columns(
    crystal: Crystal, plane: Vectors, weight: float
) -> list[tuple[Vectors, dict[tuple[str, float], float]]]:
    """Atoms of one position in the plane, as a column with its content."""
    columns: list[tuple[Vectors, dict[tuple[str, float], float]]] = []
    for i, symbol in enumerate(crystal.symbols):
        for known, found in columns:
            if np.abs((plane[i] - known + 0.5) % 1.0 - 0.5).max() < _TOLERANCE:
                content = found
                break
        else:
            content = {}
            columns.append((plane[i], content))
        kind = _kind(symbol, crystal.b_iso[i])
        content[kind] = content.get(kind, 0.0) + weight * float(crystal.occupancies[i])
    return columns


def _primitive_with_symmetry(
    lattice: Matrix,
    columns: list[tuple[Vectors, dict[tuple[str, float], float]]],
    axes: Numbers,
) -> ProjectedCell:
    """The cell, without where its atoms lie along the beam."""
    import spglib

    kinds: dict[tuple[tuple[tuple[str, float], float], ...], int] = {}
    labels = [
        kinds.setdefault(
            tuple(sorted((k, round(v, 6)) for k, v in content.items())), len(kinds) + 1
        )
        for _, content in columns
    ]
    # The plane as a crystal one layer thick; the period is chosen unlike any length
    # in the plane so that no operation mixes the plane and the beam.
    depth = 1.7320508 * max(np.linalg.norm(lattice, axis=1)) + 1.1
    cell = np.zeros((3, 3))
    cell[:2, :2], cell[2, 2] = lattice, depth
    positions = np.array([[*position, 0.0] for position, _ in columns])
    with warnings.catch_warnings():
        # spglib announces a change of its error handling; None is checked for below.
        warnings.simplefilter("ignore", DeprecationWarning)
        dataset = spglib.get_symmetry((cell.tolist(), positions.tolist(), labels), symprec=5e-3)
    if dataset is None:
        raise CrystalError("the symmetry of the projection was not found; check the positions")
    rotations, shifts = dataset["rotations"], dataset["translations"]
    identity = np.eye(2, dtype=int)
    centring = [
        t[:2] for r, t in zip(rotations, shifts, strict=True) if (r[:2, :2] == identity).all()
    ]
    primitive = _primitive_plane(lattice, centring)
    to_primitive = np.linalg.inv(primitive).T @ lattice.T  # fractional old → fractional new
    group: dict[tuple[int, ...], Vectors] = {}
    for rotation, shift in zip(rotations, shifts, strict=True):
        operation = to_primitive @ rotation[:2, :2] @ np.linalg.inv(to_primitive)
        rounded = np.round(operation).astype(int)
        if np.abs(rounded - operation).max() < 1e-6:
            group.setdefault(tuple(rounded.ravel()), np.mod(to_primitive @ shift[:2], 1.0))
    kept: list[tuple[Vectors, dict[tuple[str, float], float]]] = []
    for position, content in columns:
        new = np.mod(to_primitive @ position, 1.0)
        if all(np.abs((new - p + 0.5) % 1.0 - 0.5).max() > _TOLERANCE * 2 for p, _ in kept):
            kept.append((new, content))
    atoms = [(k, p, w) for p, content in kept for k, w in content.items()]
    return ProjectedCell(
        cell=primitive,
        symbols=tuple(k[0] for k, _, _ in atoms),
        positions=np.array([p for _, p, _ in atoms]),
        weights=np.array([w for _, _, w in atoms]),
        b_iso=np.array([k[1] for k, _, _ in atoms]),
        point_group=np.array(list(group)).reshape(-1, 2, 2),
        translations=np.array(list(group.values())),
        axes=axes,
        stacked=_NOWHERE,
    )


def _primitive_plane(lattice: Matrix, centring: list[Vectors]) -> Matrix:
    """Shortest basis of the lattice with its pure translations added."""
    points = [
        (np.array([i, j]) + t - np.round(t)) @ lattice
        for t in [*centring, np.zeros(2)]
        for i in range(-2, 3)
        for j in range(-2, 3)
    ]
    points = sorted((p for p in points if np.linalg.norm(p) > 1e-3), key=np.linalg.norm)
    # Among equally short vectors take the ones nearest to +x, so that the axes of a
    # rectangular cell come out along x and y.
    shortest = [p for p in points if np.linalg.norm(p) < np.linalg.norm(points[0]) + 1e-3]
    first = max(shortest, key=lambda p: (round(p[0], 3), round(p[1], 3)))
    rest = [p for p in points if abs(_cross(first, p)) > 1e-3]
    short = [p for p in rest if np.linalg.norm(p) < np.linalg.norm(rest[0]) + 1e-3]
    second = max(short, key=lambda p: (_cross(first, p) > 0, -abs(round(first @ p, 3)), p[1]))
    return np.array([first, second if _cross(first, second) > 0 else -second])


def _cross(a: Vectors, b: Vectors) -> float:
    return float(a[0] * b[1] - a[1] * b[0])
