"""A crystal made ready for frozen-phonon multislice, and the patterns of probe positions."""

import importlib
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pacbed.arrays import Complexes, Indices, Matrix, Numbers, Vectors
from pacbed.crystal.projection import project
from pacbed.crystal.structure import Crystal
from pacbed.errors import MissingExtraError, OutOfRangeError
from pacbed.reference.aperture import reach_of_cell, shares_inside
from pacbed.reference.atoms import Atoms, make_atoms
from pacbed.reference.grid import AT_REST, DISPLACED, Grid, make_grid, propagator
from pacbed.reference.layers import Layers, Thermal, cut_layers, draw, thermal_of
from pacbed.reference.mean import mean_layers
from pacbed.reference.options import ReferenceOptions
from pacbed.reference.scan import scan_shape
from pacbed.reference.supercell import Edges, Supercell, find_edges, make_supercell
from pacbed.units import ANGSTROM_PER_NM, electron_wavelength


@dataclass(frozen=True)
class Engine:
    """Everything that all configurations and probe positions share.

    Attributes
    ----------
    crystal : Crystal
    options : ReferenceOptions
    edges : Edges
    repeats : tuple of int
        How often the supercell holds each edge.
    cell : Supercell
    layers : Layers
    thermal : Thermal
    grid : Grid
    atoms : Atoms
    propagators : tuple of ndarray
        Of the way behind each layer.
    exits : tuple of int
        Numbers of layers behind which patterns are taken, rising.
    thicknesses_nm : ndarray
        What they are thick.
    window : tuple of ndarray of int
        Places, along either axis, of the frequencies that patterns hold.
    lattice : ndarray, shape (2, 2)
        Primitive vectors of the projection, Å: probe positions repeat by them.
    scan : tuple of int
        Positions along the two vectors, for which all interference cancels.
    means : tuple of ndarray
        Mean transmission of each layer of a period over all arrangements of its atoms; none
        without displacements.
    """

    crystal: Crystal
    options: ReferenceOptions
    edges: Edges
    repeats: tuple[int, int]
    cell: Supercell
    layers: Layers
    thermal: Thermal
    grid: Grid
    atoms: Atoms
    propagators: tuple[Complexes, ...]
    exits: tuple[int, ...]
    thicknesses_nm: Numbers
    window: tuple[Indices, Indices]
    lattice: Matrix
    scan: tuple[int, int]
    means: tuple[Complexes, ...]

    @property
    def wavelength(self) -> float:
        """Å."""
        return electron_wavelength(self.options.high_tension_kV)

    @property
    def wave_bytes(self) -> int:
        """Memory of one wave and what is taken of it."""
        return 16 * self.grid.shape[0] * self.grid.shape[1]


def make_engine(
    crystal: Crystal, zone_axis: tuple[int, int, int], options: ReferenceOptions
) -> Engine:
    """Fix all sizes, and refuse what cannot be simulated.

    Parameters
    ----------
    crystal : Crystal
    zone_axis : tuple of int
    options : ReferenceOptions

    Raises
    ------
    CrystalError
        If the direction is [000], or atoms at one site fill more than all of it.
    OutOfRangeError
        If sampling, angles and probe step do not go together, or the device is not there.
    MissingExtraError
        If a device needs PyTorch, and that is not installed.
    """
    if options.device != "cpu":
        accelerated(options.device).check_device(options.device)
    wavelength = electron_wavelength(options.high_tension_kV)
    at_rest = options.configurations == 0
    edges = find_edges(crystal, zone_axis)
    repeats = _repeats(edges, wavelength / (options.resolution_mrad * 1e-3))
    grid = make_grid(edges, repeats, options.sampling_A, AT_REST if at_rest else DISPLACED)
    _check_angles(options, grid.cutoff * wavelength * 1e3)
    cell = make_supercell(crystal, edges, repeats)
    layers = cut_layers(cell, options.slice_thickness_A)
    exits, thicknesses = _exits(layers, edges.period, options.thicknesses_nm)
    tilt = np.array([options.tilt_x_mrad, options.tilt_y_mrad]) * 1e-3 / wavelength
    projected = project(crystal, zone_axis)
    return Engine(
        crystal=crystal,
        options=options,
        edges=edges,
        repeats=repeats,
        cell=cell,
        layers=layers,
        thermal=thermal_of(crystal, cell),
        grid=grid,
        atoms=make_atoms(grid, set(crystal.symbols), options.high_tension_kV, at_rest),
        propagators=tuple(propagator(grid, tilt, wavelength, step) for step in layers.steps),
        exits=exits,
        thicknesses_nm=thicknesses,
        window=_window(grid, options.max_angle_mrad * 1e-3 / wavelength, edges.rectangular),
        lattice=projected.cell,
        scan=scan_shape(
            projected.reciprocal,
            # Points on the aperture's edge lie up to half a cell beyond it.
            2 * (options.convergence_mrad * 1e-3 / wavelength + reach_of_cell(grid.reciprocal)),
            options.probe_step,
        ),
        means=() if at_rest else mean_layers(crystal, cell, layers, grid, options.high_tension_kV),
    )


def accelerated(device: str) -> Any:
    """The module for graphics cards, by its name: nothing else needs PyTorch."""
    try:
        return importlib.import_module("pacbed.reference.accelerated")
    except ImportError as error:
        raise MissingExtraError(
            f"frozen phonons on {device} need PyTorch: pip install 'pacbed-cnn[sim]', or leave the "
            'device at "cpu"'
        ) from error


def _repeats(edges: Edges, width: float) -> tuple[int, int]:
    """How often each edge is repeated, so that frequencies are 1 / `width` apart or less."""
    area = abs(np.linalg.det(edges.plane))
    first, second = np.linalg.norm(edges.plane, axis=1)
    return math.ceil(width * second / area - 1e-9), math.ceil(width * first / area - 1e-9)


def _check_angles(options: ReferenceOptions, held_mrad: float) -> None:
    needed = max(options.max_angle_mrad * math.sqrt(2), options.convergence_mrad)
    if needed > held_mrad:
        raise OutOfRangeError(
            f"sampling_A {options.sampling_A:g} holds angles up to {held_mrad:.0f} mrad and the "
            f"corners of the pattern need {needed:.0f}; use sampling_A "
            f"{options.sampling_A * held_mrad / needed:.3f} or a smaller max_angle_mrad"
        )


def _exits(
    layers: Layers, period: float, thicknesses_nm: tuple[float, ...]
) -> tuple[tuple[int, ...], Numbers]:
    """Numbers of layers, and their thicknesses in nm, nearest to those asked for."""
    periods = math.ceil(max(thicknesses_nm) * ANGSTROM_PER_NM / period) + 1
    ends = (np.arange(periods)[:, None] * period + layers.ends).ravel() / ANGSTROM_PER_NM
    places = sorted({int(np.argmin(np.abs(ends - wanted))) for wanted in thicknesses_nm})
    return tuple(place + 1 for place in places), ends[places]


def _window(grid: Grid, reach: float, rectangular: bool) -> tuple[Indices, Indices]:
    """Places of the frequencies around zero that hold a square of half-width `reach`, 1/Å."""
    lengths = np.linalg.norm(grid.plane, axis=1)
    # The corners of the square, and a point beside it, for the interpolation.
    most = [int(reach * n) if rectangular else int(reach * math.sqrt(2) * n) + 1 for n in lengths]
    first, second = (np.arange(-m, m + 1) for m in most)
    return first, second


def incident_waves(engine: Engine, positions: Vectors) -> Complexes:
    """Fourier coefficients of probes at some positions: a sharp aperture, aberrations none.

    A point's intensity is the share of its cell that the aperture lets through.

    Parameters
    ----------
    engine : Engine
    positions : ndarray, shape (P, 2)
        Å.

    Returns
    -------
    ndarray of complex64, shape (P, n, m)
        Squares add up to 1.
    """
    radius = engine.options.convergence_mrad * 1e-3 / engine.wavelength
    shares = shares_inside(engine.grid.g, engine.grid.reciprocal, radius)
    inside = shares > 0
    waves = np.zeros((len(positions), *engine.grid.shape), np.complex64)
    phases = np.exp(-2j * np.pi * (positions @ engine.grid.g[inside].T))
    waves[:, inside] = phases * np.sqrt(shares[inside] / shares.sum())
    return waves


def transmissions(engine: Engine, generator: np.random.Generator | None) -> Iterator[Complexes]:
    """Layers without end: at rest, or each displaced anew where there is a generator."""
    names = np.array(engine.crystal.symbols)[engine.cell.site]
    # Atoms of each layer by their element.
    parts = [
        {symbol: atoms[names[atoms] == symbol] for symbol in dict.fromkeys(names[atoms].tolist())}
        for atoms in engine.layers.atoms
    ]

    def period(places: Vectors, weights: Numbers) -> Iterator[Complexes]:
        for part in parts:
            yield engine.atoms.layer({s: (places[a], weights[a]) for s, a in part.items()})

    if generator is None:
        shares = engine.crystal.occupancies[engine.cell.site]
        yield from itertools.cycle(list(period(engine.cell.fractions, shares)))
    else:
        while True:
            yield from period(*draw(engine.cell, engine.thermal, generator))
