"""The frozen-phonon engine against scattering matrices: one wave, every beam within 2 1/Å.

    python benchmarks/engine_exact.py

* *at rest*: atoms without thermal motion against B = 0 and no absorption. SrTiO3 has true layers,
  half a cell apart, and so reflections of higher Laue zones, which scattering matrices of the
  projection have not. The same columns in layers ever closer are ever more the projection.
* *mean wave*: what displaced atoms leave of the wave on average against B and absorption. Layers
  move independently, so it is the wave behind the mean transmission of each.
"""

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pacbed.crystal.projection import project
from pacbed.crystal.structure import Crystal, lattice_from_parameters
from pacbed.lacbed.bloch import beam_intensities, beams_within
from pacbed.library.recipe import load_recipe
from pacbed.reference import ReferenceOptions
from pacbed.reference.engine import Engine, incident_waves, make_engine, transmissions
from pacbed.reference.propagate import waves_behind

THICKNESSES_NM = (10.0, 20.0, 40.0)
K = np.array([0.13, 0.07])
#: Beams of the scattering matrices, and those that are compared, 1/Å.
BEAMS, COMPARED = 4.5, 2.0


def engine_of(crystal: Crystal, zone: tuple[int, int, int], kV: float, **changes) -> Engine:
    """One incident wave, and whole periods of the crystal."""
    options = ReferenceOptions(
        high_tension_kV=kV, convergence_mrad=0.1, thicknesses_nm=THICKNESSES_NM,
        resolution_mrad=10.0, max_angle_mrad=10.0,
    )  # fmt: skip
    options = replace(options, **changes)
    period = make_engine(crystal, zone, options).edges.period / 10
    whole = tuple(max(1, round(t / period)) * period for t in THICKNESSES_NM)
    engine = make_engine(crystal, zone, replace(options, thicknesses_nm=whole))
    tilt = -K * engine.wavelength * 1e3
    options = replace(engine.options, tilt_x_mrad=float(tilt[0]), tilt_y_mrad=float(tilt[1]))
    return make_engine(crystal, zone, options)


def layers_of(engine: Engine) -> Iterator[np.ndarray]:
    """Layers at rest, or the mean of what displaced atoms do."""
    return itertools.cycle(engine.means) if engine.means else transmissions(engine, None)


def compare(name: str, engine: Engine, zone: tuple[int, int, int]) -> None:
    wave = incident_waves(engine, np.zeros((1, 2)))
    passed = waves_behind(wave, layers_of(engine), engine.propagators, engine.exits)
    found = np.array([np.abs(behind[0]) ** 2 for behind in passed])
    cell = project(engine.crystal, zone)
    beams = beams_within(cell, BEAMS)
    expected = beam_intensities(
        cell, beams, K, engine.options.high_tension_kV, 10 * engine.thicknesses_nm,
        absorption=engine.options.configurations > 0,
    )  # fmt: skip
    g = beams @ cell.reciprocal
    places = np.round(g @ engine.grid.plane.T).astype(int)
    own = found[:, places[:, 0] % engine.grid.shape[0], places[:, 1] % engine.grid.shape[1]]
    near = np.linalg.norm(g, axis=1) <= COMPARED
    print(
        f"{name}: {engine.layers.steps.size} layers in {engine.edges.period:.2f} Å, grid "
        f"{engine.grid.shape}; {np.round(engine.thicknesses_nm, 1)} nm: largest difference "
        f"{np.abs(own - expected)[:, near].max(axis=1).round(4)}, of the sum of all beams "
        f"{(own.sum(axis=1) - expected.sum(axis=1)).round(4)} of {expected.sum(axis=1).round(3)}",
        flush=True,
    )


def flat(crystal: Crystal, layers: int) -> Crystal:
    """The same columns, of layers that are all alike."""
    cell = crystal.cell * np.array([1, 1, 1 / layers])[:, None]
    share = np.full(len(crystal.symbols), 1 / layers)
    return replace(crystal, cell=cell, positions=crystal.positions * [1, 1, 0], occupancies=share)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    srtio3 = load_recipe("recipes/sto-001-300kV.toml").crystal
    rest = {"configurations": 0, "sampling_A": 0.06}
    still = replace(srtio3, b_iso=np.zeros(5))
    zone = (0, 0, 1)
    compare("at rest, SrTiO3", engine_of(still, zone, 300, **rest), zone)
    for layers in (2, 4):
        compare(f"at rest, layers of 1/{layers} SrTiO3",
                engine_of(flat(still, layers), zone, 300, **rest), zone)  # fmt: skip
    places = np.array([[0.1, 0.2, 0], [0.55, 0.6, 0], [0.8, 0.15, 0]])
    lattice = lattice_from_parameters((3.1, 3.9, 1.0, 90, 90, 104))
    oblique = Crystal(lattice, ("Al", "N", "O"), places, np.full(3, 0.6), np.zeros(3))
    compare("at rest, oblique", engine_of(oblique, zone, 200, **rest), zone)
    warm = {"resolution_mrad": 2.6}
    compare("mean wave, SrTiO3", engine_of(srtio3, zone, 300, **warm), zone)
    rutile = load_recipe("recipes/rutile-001-80kV.toml").crystal
    compare("mean wave, rutile", engine_of(rutile, zone, 80, resolution_mrad=5.0), zone)
    lattice = lattice_from_parameters((3.19, 3.19, 5.19, 90, 90, 120))
    places = np.array([[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0.5], [1 / 3, 2 / 3, 0.377],
                       [2 / 3, 1 / 3, 0.877]])  # fmt: skip
    gan = Crystal(lattice, ("Ga", "Ga", "N", "N"), places, np.ones(4), np.full(4, 0.35))
    compare("mean wave, GaN [11-20]", engine_of(gan, (1, 1, 0), 200, **warm), (1, 1, 0))
    lattice = lattice_from_parameters((5.15, 5.2, 5.32, 90, 99.2, 90))
    places = np.array([[0.275, 0.04, 0.21], [0.725, 0.54, 0.29], [0.725, 0.96, 0.79],
                       [0.275, 0.46, 0.71]])  # fmt: skip
    skew = Crystal(lattice, ("Zr", "Zr", "Zr", "Zr"), places, np.ones(4), np.full(4, 0.5))
    wave = engine_of(skew, (0, 1, 0), 200, **warm)
    compare("mean wave, monoclinic Zr [010]", wave, (0, 1, 0))
    gold = Crystal(np.eye(3) * 4.078, ("Au",) * 4, np.array(
        [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]), np.ones(4), np.full(4, 0.63),
    )  # fmt: skip
    compare("mean wave, Au [001]", engine_of(gold, zone, 200, **warm), zone)


if __name__ == "__main__":
    main()
