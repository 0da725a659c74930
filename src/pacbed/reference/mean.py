"""The mean of a layer over all arrangements of its atoms, exactly.

Atoms move independently, so the mean of a layer is the product of those of its atoms. Of one atom
it is its bare transmission smeared with its displacements,

    ⟨t_j⟩(r) = 1 + ∫ p(u) [exp(iφ_j(r − u) − a_j(r − u)) − 1] d²u,

and of a place that several share, each with its share of it, 1 + Σ_j w_j (⟨t_j⟩ − 1). Layers move
independently too: the wave behind the mean layers is the mean of the waves.
"""

from collections.abc import Iterator

import numpy as np
from scipy import fft
from scipy.interpolate import CubicSpline

from pacbed.arrays import Complexes, Indices, Mask
from pacbed.crystal.structure import Crystal
from pacbed.reference.atoms import Atoms, Radial, atoms_from, bare
from pacbed.reference.grid import Grid
from pacbed.reference.layers import Layers
from pacbed.reference.supercell import Supercell

#: An atom's own grid, 1/Å: exp(iφ) reaches some three times as far as φ does.
_FINER, _STEP = 3.2, 0.08

#: Who shares a place: symbol, Debye–Waller factor (Å²) and share of each.
Sharing = tuple[tuple[str, float, float], ...]


def mean_layers(
    crystal: Crystal, cell: Supercell, layers: Layers, grid: Grid, high_tension_kV: float
) -> tuple[Complexes, ...]:
    """Mean transmission of each layer of a period, shape `grid.shape` each."""
    kinds, first = _places(crystal, cell)
    names = {kind: str(number) for number, kind in enumerate(dict.fromkeys(kinds))}
    atoms = mean_atoms(grid, {name: kind for kind, name in names.items()}, high_tension_kV)
    named = np.array([names[kind] for kind in kinds])
    return tuple(_layers(atoms, cell, layers, named, first))


def _places(crystal: Crystal, cell: Supercell) -> tuple[list[Sharing], Mask]:
    """Who shares the place of each atom, and whether it is the first one there."""
    members: dict[int, list[int]] = {}
    for atom, place in enumerate(cell.place.tolist()):
        members.setdefault(place, []).append(int(cell.site[atom]))
    of_place = {
        place: tuple(
            sorted(
                (crystal.symbols[s], float(crystal.b_iso[s]), float(crystal.occupancies[s]))
                for s in sites
            )
        )
        for place, sites in members.items()
    }
    kinds = [of_place[place] for place in cell.place.tolist()]
    first = np.zeros(len(cell.place), bool)
    first[np.unique(cell.place, return_index=True)[1]] = True
    return kinds, first


def _layers(
    atoms: Atoms, cell: Supercell, layers: Layers, named: Indices, first: Mask
) -> Iterator[Complexes]:
    for part in layers.atoms:
        # A place is counted once, whoever shares it.
        counted = part[first[part]]
        yield atoms.layer(
            {
                name: (cell.fractions[chosen], np.ones(len(chosen)))
                for name in dict.fromkeys(named[counted].tolist())
                for chosen in [counted[named[counted] == name]]
            }
        )


def mean_atoms(grid: Grid, kinds: dict[str, Sharing], high_tension_kV: float) -> Atoms:
    """What places do to the mean wave, by the names of their kinds."""
    cutoff = grid.layer_cutoff
    count = fft.next_fast_len(round(2 * _FINER * cutoff / _STEP))
    frequencies = np.fft.fftfreq(count) * count * _STEP
    length = np.hypot(frequencies[:, None], frequencies)
    line = frequencies[: count // 2]
    phase: dict[str, Radial] = {}
    loss: dict[str, Radial] = {}
    for name, sharing in kinds.items():
        mean = np.ones(length.shape, np.complex128)
        for symbol, b_iso, share in sharing:
            own_phase, own_loss = bare(symbol, cutoff, high_tension_kV)
            spectrum = (1j * own_phase(length) - own_loss(length)) * (length <= cutoff)
            scattered = np.exp(fft.ifft2(spectrum, norm="forward") * _STEP**2) - 1
            smeared = fft.ifft2(fft.fft2(scattered) * np.exp(-b_iso * length**2 / 4))
            mean += share * smeared
        # exp(iΦ) is the mean: Φ is complex, and even as all is round.
        coefficients = fft.fft2(-1j * np.log(mean), norm="forward")[0, : count // 2] / _STEP**2
        phase[name] = CubicSpline(line, coefficients.real)
        loss[name] = CubicSpline(line, coefficients.imag)
    return atoms_from(grid, phase, loss)
