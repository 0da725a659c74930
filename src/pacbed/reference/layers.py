"""Atoms of a supercell in layers along the beam, at rest or displaced."""

from dataclasses import dataclass

import numpy as np

from pacbed.arrays import Indices, Numbers, Vectors
from pacbed.crystal.structure import Crystal
from pacbed.reference.supercell import Supercell


@dataclass(frozen=True)
class Layers:
    """The layers of one period; each is one slice of the multislice.

    Attributes
    ----------
    atoms : tuple of ndarray of int
        Numbers of each layer's atoms in the supercell.
    steps : ndarray, shape (n,)
        Way from each layer to the next one, across the period after the last, Å.
    ends : ndarray, shape (n,)
        Thickness of the crystal up to half-way between each layer and the next, Å.
    """

    atoms: tuple[Indices, ...]
    steps: Numbers
    ends: Numbers


def cut_layers(cell: Supercell, thickest: float) -> Layers:
    """Group atoms by their heights, beginning behind the widest gap.

    Atoms of a layer lie at most half of `thickest` apart along the beam, so that layers that
    follow each other closely are as far apart as slices of that thickness. A layer acts at the
    mean height of its atoms.

    Parameters
    ----------
    cell : Supercell
    thickest : float
        Å.
    """
    order = np.argsort(cell.heights, kind="stable")
    sorted_heights = cell.heights[order]
    gaps = np.diff(np.append(sorted_heights, sorted_heights[0] + cell.period))
    start = (int(np.argmax(np.round(gaps, 4))) + 1) % len(order)
    order = np.roll(order, -start)
    rising = np.mod(cell.heights[order] - cell.heights[order[0]] + 1e-6, cell.period)
    groups: list[list[int]] = []
    for number, height in enumerate(rising):
        if groups and height - rising[groups[-1][0]] <= thickest / 2:
            groups[-1].append(number)
        else:
            groups.append([number])
    heights = np.array([rising[group].mean() for group in groups])
    steps = np.diff(np.append(heights, heights[0] + cell.period))
    # Half of the last step lies before the first layer.
    return Layers(
        atoms=tuple(order[group] for group in groups),
        steps=steps,
        ends=np.cumsum(steps) - (steps - steps[-1]) / 2,
    )


@dataclass(frozen=True)
class Thermal:
    """How the atoms of a supercell move, and which are there.

    Attributes
    ----------
    spread : ndarray, shape (n,)
        Standard deviation of the displacement along each axis, Å.
    before, until : ndarray, shape (n,)
        An atom is there if the number drawn for its place lies from `before` to `until`.
    inverse : ndarray, shape (2, 2)
        Brings Å to fractions of the supercell.
    """

    spread: Numbers
    before: Numbers
    until: Numbers
    inverse: Numbers


def thermal_of(crystal: Crystal, cell: Supercell) -> Thermal:
    """The Einstein model of a crystal: ⟨u²⟩ = B / 8π² along each axis, for each atom alone."""
    sites = len(crystal.symbols)
    place = cell.place[:sites]
    before = np.array(
        [crystal.occupancies[:atom][place[:atom] == place[atom]].sum() for atom in range(sites)]
    )
    until = before + crystal.occupancies
    # A full place is always filled, whatever rounding did to its occupancies.
    until = np.where(until > 1 - 1e-3, 2.0, until)
    spread = np.sqrt(crystal.b_iso / (8 * np.pi**2))
    return Thermal(
        spread[cell.site], before[cell.site], until[cell.site], np.linalg.inv(cell.plane)
    )


def draw(
    cell: Supercell, thermal: Thermal, generator: np.random.Generator
) -> tuple[Vectors, Numbers]:
    """One arrangement of all atoms of a period.

    Parameters
    ----------
    cell : Supercell
    thermal : Thermal
    generator : numpy.random.Generator

    Returns
    -------
    fractions : ndarray, shape (n, 2)
        Places of the displaced atoms in the supercell's plane. Displacements along the beam do
        not show in a projected layer.
    weights : ndarray, shape (n,)
        1 for atoms that are there, 0 for others.
    """
    moves = generator.standard_normal(cell.fractions.shape) * thermal.spread[:, None]
    drawn = generator.random(int(cell.place.max()) + 1)[cell.place]
    there = (drawn >= thermal.before) & (drawn < thermal.until)
    return cell.fractions + moves @ thermal.inverse, there.astype(np.float64)
