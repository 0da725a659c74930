"""A supercell of a true three-dimensional crystal, cut into layers along the beam.

Part of an engine of its own (see ``engine.py``): nothing here is shared with the
table's engine. Only the documented axes of the pattern are the same: x along the
projection of the first of a, b, c that is not parallel to [uvw], z along the beam,
y = z × x.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

#: The in-plane period may miss the plane across the beam by this much, Å.
FLAT = 2e-2
#: Atoms whose heights differ by less than this share a layer, Å.
LAYER = 0.9


@dataclass(frozen=True)
class Slab:
    """One period of the supercell.

    plane: rows are its two vectors in x, y (Å); repeats: unit periods in each;
    period: length along the beam (Å); heights: z of the layers, rising;
    layers: for each layer, the numbers of its atoms; fractions: (n, 2) in `plane`;
    sites: the crystal's site of each atom.
    """

    plane: np.ndarray
    repeats: tuple[int, int]
    period: float
    heights: np.ndarray
    layers: tuple[np.ndarray, ...]
    fractions: np.ndarray
    sites: np.ndarray

    @property
    def area(self) -> float:
        return float(abs(np.linalg.det(self.plane)))


def lattice(parameters) -> np.ndarray:
    """Rows a, b, c (Å) from lengths (Å) and angles (degrees)."""
    a, b, c = parameters[:3]
    cos = np.cos(np.deg2rad(parameters[3:]))
    metric = np.outer([a, b, c], [a, b, c]) * np.array(
        [[1, cos[2], cos[1]], [cos[2], 1, cos[0]], [cos[1], cos[0], 1]]
    )
    return np.linalg.cholesky(metric)


def pattern_axes(cell, uvw) -> np.ndarray:
    """Rows x, y, z of the pattern in the axes of `cell`."""
    z = np.asarray(uvw) @ cell
    z = z / np.linalg.norm(z)
    for vector in cell:
        x = vector - (vector @ z) * z
        if np.linalg.norm(x) > 1e-6 * np.linalg.norm(vector):
            x = x / np.linalg.norm(x)
            return np.array([x, np.cross(z, x), z])
    raise ValueError("no axis across the beam")


def make_slab(cell, positions, uvw, length=14.0) -> Slab:
    """Repeat a crystal across the beam to about `length` Å."""
    uvw = np.asarray(uvw) // np.gcd.reduce(uvw)
    turned = cell @ pattern_axes(cell, uvw).T
    period = float((uvw @ turned)[2])
    basis = _flat_basis(turned)
    repeats = tuple(max(1, round(length / np.linalg.norm(v))) for v in basis)
    plane = basis * np.array(repeats)[:, None]
    box = np.zeros((3, 3))
    box[:2, :2], box[2, 2] = plane, period
    # Every translation of the lattice that may bring an atom into the box.
    corners = np.array(list(product((0, 1), repeat=3))) @ box @ np.linalg.inv(turned)
    low, high = np.floor(corners.min(0)).astype(int) - 1, np.ceil(corners.max(0)).astype(int) + 1
    shifts = np.array(list(product(*(range(a, b + 1) for a, b in zip(low, high, strict=True)))))
    sites = np.tile(np.arange(len(positions)), len(shifts))
    points = (shifts[:, None] + np.mod(positions, 1.0)[None]).reshape(-1, 3)
    inside = points @ turned @ np.linalg.inv(box) + 1e-4
    kept = ((inside >= 0) & (inside < 1)).all(axis=1)
    fractions, sites = inside[kept] - 1e-4, sites[kept]
    expected = len(positions) * abs(np.linalg.det(box) / np.linalg.det(cell))
    if abs(len(sites) - expected) > 1e-3 * expected:
        raise ValueError(f"{len(sites)} atoms in the box, {expected:.3f} expected")
    heights, layers = _layers(fractions[:, 2] * period, period)
    return Slab(plane, repeats, period, heights, layers, fractions[:, :2], sites)


def _flat_basis(turned) -> np.ndarray:
    """Shortest two vectors of the lattice that lie across the beam, right-handed."""
    indices = np.array(list(product(range(-7, 8), repeat=3)))
    vectors = indices @ turned
    flat = vectors[(np.abs(vectors[:, 2]) < FLAT) & (np.linalg.norm(vectors, axis=1) > 0.5)]
    flat = flat[np.argsort(np.linalg.norm(flat, axis=1), kind="stable"), :2]
    first = flat[0]
    for second in flat[1:]:
        cross = first[0] * second[1] - first[1] * second[0]
        if abs(cross) > 0.5:
            return np.array([first, second if cross > 0 else -second])
    raise ValueError("no plane of the lattice lies across the beam")


def _layers(z, period) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Group atoms by height, beginning behind the widest gap."""
    order = np.argsort(z, kind="stable")
    gaps = np.diff(np.append(z[order], z[order[0]] + period))
    start = (int(np.argmax(gaps)) + 1) % len(z)
    order = np.roll(order, -start)
    unrolled = np.mod(z[order] - z[order[0]] + 1e-6, period)
    groups: list[list[int]] = []
    for index, height in enumerate(unrolled):
        if groups and height - unrolled[groups[-1][0]] < LAYER:
            groups[-1].append(index)
        else:
            groups.append([index])
    heights = np.array([unrolled[g].mean() for g in groups])
    return heights, tuple(order[g] for g in groups)
