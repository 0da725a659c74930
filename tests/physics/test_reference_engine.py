"""The frozen-phonon engine against what is known exactly, and against abTEM."""

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pacbed.crystal.form_factor import scattering_factor
from pacbed.crystal.projection import project
from pacbed.crystal.structure import Crystal, lattice_from_parameters
from pacbed.errors import CrystalError, MissingExtraError, OutOfRangeError
from pacbed.lacbed.bloch import beam_intensities, beams_within
from pacbed.reference import ReferenceOptions, simulate_reference
from pacbed.reference.atoms import beyond, interaction
from pacbed.reference.engine import Engine, incident_waves, make_engine, transmissions
from pacbed.reference.intensities import intensity, parts_of, patterns_of, waves_of
from pacbed.reference.layers import cut_layers
from pacbed.reference.propagate import waves_behind
from pacbed.reference.supercell import find_edges, make_supercell
from pacbed.units import electron_wavelength

ZONE = (0, 0, 1)
#: Strontium titanate: places, elements, Debye–Waller factors.
PLACES = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
SYMBOLS = ("Sr", "Ti", "O", "O", "O")
B_ISO = np.array([0.62, 0.44, 0.72, 0.72, 0.72])
SRTIO3 = Crystal(np.eye(3) * 3.905, SYMBOLS, PLACES, np.ones(5), B_ISO)


def thin_layers(parameters: tuple[float, ...], share: float) -> Crystal:
    """A crystal whose layers are all alike and so thin that it is its own projection."""
    flat = PLACES * [1, 1, 0] + [0.02, 0.05, 0]
    return Crystal(
        lattice_from_parameters(parameters), SYMBOLS, flat, np.full(5, share), np.zeros(5)
    )


def one_wave(crystal: Crystal, kV: float, k: np.ndarray, **changes: object) -> Engine:
    """An engine whose only incident wave has the transverse wave vector `k` (1/Å)."""
    options = ReferenceOptions(
        high_tension_kV=kV,
        convergence_mrad=0.1,
        thicknesses_nm=(39.05,),
        resolution_mrad=10.0,
        max_angle_mrad=30.0,
    )
    options = replace(options, **changes)  # type: ignore[arg-type]
    engine = make_engine(crystal, ZONE, options)
    tilt = -k * engine.wavelength * 1e3
    return make_engine(
        crystal, ZONE, replace(options, tilt_x_mrad=float(tilt[0]), tilt_y_mrad=float(tilt[1]))
    )


def against_bloch(
    engine: Engine, found: np.ndarray, k: np.ndarray, absorption: bool, reach: float
) -> np.ndarray:
    """Largest difference of a beam from scattering matrices of beams within `reach` (1/Å)."""
    cell = project(engine.crystal, ZONE)
    beams = beams_within(cell, reach)
    thicknesses = engine.thicknesses_nm * 10
    kV = engine.options.high_tension_kV
    expected = beam_intensities(cell, beams, k, kV, thicknesses, absorption)
    rows, columns = engine.window
    g = engine.grid.g[rows[:, None], columns[None]].reshape(-1, 2)
    places = g @ np.linalg.inv(cell.reciprocal)
    differences = []
    for index, place in enumerate(places):
        same = np.abs(beams - place).max(axis=1) < 1e-3
        if same.any():
            own = found[:, index // len(columns), index % len(columns)]
            differences.append(np.abs(own - expected[:, same][:, 0]))
    assert len(differences) > 20
    return np.max(differences, axis=0)


@pytest.mark.parametrize(
    ("parameters", "kV", "k"),
    [
        ((3.7, 4.1, 0.976, 90, 90, 104), 300.0, (0.05, 0.13)),
    ],
)
def test_atoms_at_rest_equal_the_table_without_thermal_motion(parameters, kV, k) -> None:
    crystal = thin_layers(parameters, parameters[2] / 3.905)
    engine = one_wave(crystal, kV, np.array(k), configurations=0, sampling_A=0.06)
    found = np.concatenate(list(patterns_of(engine, np.zeros((1, 2)), None)))
    assert against_bloch(engine, found, np.array(k), False, 4.5).max() < 2e-3


def averaged(engine: Engine, draws: int) -> list[np.ndarray]:
    """Mean transmission of each layer of many draws, with the lattice's periodicity."""
    generator = np.random.default_rng(3)
    layers = transmissions(engine, generator)
    count = len(engine.layers.steps)
    sums = [np.zeros(engine.grid.shape, complex) for _ in range(count)]
    for number in range(draws * count):
        sums[number % count] += next(layers)
    first, second = (i % n == 0 for i, n in zip(engine.grid.indices, engine.repeats, strict=True))
    lattice = first[:, None] & second[None]
    return [np.fft.ifft2(np.fft.fft2(total / draws) * lattice) for total in sums]


@pytest.mark.parametrize("shares", [(0.7, 0.3), (0.6, 0.3)])
def test_mean_layers_are_the_mean_of_drawn_ones(shares) -> None:
    # Two elements share a place, which is empty now and then.
    crystal = Crystal(
        np.diag([3.9, 4.2, 4.0]), ("Sr", "Ba", "Ti"),
        np.array([[0, 0, 0], [0, 0, 0], [0.5, 0.4, 0.5]]),
        np.array([*shares, 1.0]), np.array([0.6, 0.8, 0.4]),
    )  # fmt: skip
    engine = one_wave(crystal, 200.0, np.zeros(2), resolution_mrad=1.3)
    draws = 200
    # Each point has seen so many displacements, of atoms alone in its neighbourhood.
    noise = 1 / np.sqrt(draws * np.prod(engine.repeats))
    for drawn, exact in zip(averaged(engine, draws), engine.means, strict=True):
        off = np.abs(drawn - exact)
        assert off.max() < 4 * noise * np.abs(exact - 1).max()
        assert np.sqrt((off**2).mean()) < 0.05 * noise
        assert abs((drawn - exact).mean()) < 5e-5


def test_the_mean_wave_equals_the_table() -> None:
    # SrO and TiO2 in turn, which the table knows by what higher zones do on average.
    k = np.array([0.13, 0.07])
    engine = one_wave(SRTIO3, 300.0, k)
    wave = np.zeros((1, *engine.grid.shape), np.complex64)
    wave[0, 0, 0] = 1
    rows, columns = engine.window
    found = np.array(
        [
            np.abs(behind[0][np.ix_(rows, columns)]) ** 2
            for behind in waves_behind(
                wave, itertools.cycle(engine.means), engine.propagators, engine.exits
            )
        ]
    )
    assert against_bloch(engine, found, k, True, 3.5).max() < 2.5e-3


def test_elastic_and_diffuse_parts_are_all_there_is() -> None:
    options = ReferenceOptions(
        high_tension_kV=300, convergence_mrad=20, thicknesses_nm=(8.0,), resolution_mrad=2.6,
        max_angle_mrad=28,
    )  # fmt: skip
    engine = make_engine(SRTIO3, ZONE, options)
    place = np.array([[0.4, 1.1]])
    incident = incident_waves(engine, place)
    split, whole = [], []
    for seed in range(40):
        (parts,) = parts_of(engine, place, np.random.default_rng(seed))
        split.append((parts.elastic + parts.diffuse)[0])
        (wave,) = waves_of(engine, incident, np.random.default_rng(seed))
        whole.append(intensity(wave)[0])
    spread = [np.sqrt(np.var(one, axis=0).mean()) for one in (split, whole)]
    # The same mean, with much less noise.
    assert spread[0] < spread[1] / 3
    off = np.mean(split, axis=0) - np.mean(whole, axis=0)
    assert np.sqrt((off**2).mean()) < 1.5 * spread[1] / np.sqrt(40)
    assert np.mean(split, axis=0).sum() == pytest.approx(np.mean(whole, axis=0).sum(), rel=0.01)


def test_no_electron_is_made_or_lost_on_the_way() -> None:
    generator = np.random.default_rng(0)
    shape = (48, 50)
    layers = (np.exp(1j * generator.normal(size=shape)).astype(np.complex64) for _ in range(400))
    way = np.exp(1j * generator.normal(size=shape)).astype(np.complex64)
    wave = generator.normal(size=(1, *shape)).astype(np.complex64)
    wave /= np.linalg.norm(wave)
    (behind,) = waves_behind(wave, layers, [way], [400])
    assert np.linalg.norm(behind) ** 2 == pytest.approx(1, abs=1e-4)


def test_what_is_scattered_beyond_the_grid_is_missing_within_it() -> None:
    # The same displaced atoms on finer pixels: patterns stay, though a third leaves the grid.
    options = ReferenceOptions(
        high_tension_kV=300, convergence_mrad=20, thicknesses_nm=(15.0, 30.0), configurations=1,
        resolution_mrad=2.6, max_angle_mrad=28,
    )  # fmt: skip
    coarse, fine = (
        np.array(list(patterns_of(
            make_engine(SRTIO3, ZONE, replace(options, sampling_A=pixel)),
            np.array([[0.4, 1.1], [2.0, 0.3]]), np.random.default_rng(1),
        )))
        for pixel in (0.1, 0.055)
    )  # fmt: skip
    assert coarse.sum(axis=(2, 3)) == pytest.approx(fine.sum(axis=(2, 3)), rel=0.03)
    assert coarse[1].sum(axis=(1, 2)).max() < 0.95
    for one, other in zip(coarse, fine, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("symbol", ["O", "Sr"])
def test_loss_is_the_square_of_what_is_scattered(symbol: str) -> None:
    q = np.linspace(6, 16, 2000)
    weight = 2 * np.pi * q * scattering_factor(symbol)(q) ** 2
    scattered = interaction(300) ** 2 * np.trapezoid(weight, q)
    _, missing = beyond(symbol, 6.0, 300)
    assert -2 * missing[0].real == pytest.approx(scattered, rel=0.03)


def test_abtem_with_the_same_atoms_has_the_same_patterns() -> None:
    pytest.importorskip("abtem")
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
    from abtem_probe import displaced_atoms, ours, potential, quiet, scan

    options = ReferenceOptions(
        high_tension_kV=300, convergence_mrad=20, thicknesses_nm=(3.905, 7.81), configurations=1,
        tilt_x_mrad=3, tilt_y_mrad=-2, resolution_mrad=2.6, max_angle_mrad=28,
    )  # fmt: skip
    engine = make_engine(SRTIO3, ZONE, options)
    positions = np.array([[0.4, 1.1], [2.0, 0.3]])
    own = ours(engine, positions, [0, 0])
    with quiet():
        built = potential(engine, displaced_atoms(engine, 20, [0, 0]), 0.04).build(lazy=False)
        theirs = np.concatenate(list(scan(engine, built, positions)), axis=1)
    assert theirs.sum(axis=(2, 3)) == pytest.approx(own.sum(axis=(2, 3)), rel=0.01)
    for one, other in zip(own.reshape(4, -1), theirs.reshape(4, -1), strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.9998


@pytest.mark.parametrize(
    ("parameters", "zone", "rectangular"),
    [
        ((4.4, 5.2, 4.0, 90, 90, 90), (0, 0, 1), True),
        ((3.2, 3.2, 5.2, 90, 90, 120), (0, 0, 1), True),
        ((3.2, 3.2, 5.2, 90, 90, 120), (1, 1, 0), True),
        ((5.43, 5.43, 5.43, 90, 90, 90), (1, 1, 0), True),
        ((5.43, 5.43, 5.43, 90, 90, 90), (1, 1, 1), True),
        ((5.43, 5.43, 5.43, 90, 90, 90), (1, 2, 3), True),
        ((5.15, 5.2, 5.32, 90, 99.2, 90), (0, 0, 1), True),
        ((5.15, 5.2, 5.32, 90, 99.2, 90), (0, 1, 0), False),
        ((4.0, 5.13, 6.37, 81.3, 76.1, 67.7), (0, 0, 1), False),
        ((4.0, 5.13, 6.37, 81.3, 76.1, 67.7), (1, 1, 2), False),
    ],
)
def test_supercells_hold_every_atom_on_its_column(parameters, zone, rectangular) -> None:
    cell = lattice_from_parameters(parameters)
    places = np.array([[0, 0, 0], [0.3, 0.4, 0.2]])
    crystal = Crystal(cell, ("Si", "O"), places, np.ones(2), np.full(2, 0.5))
    edges = find_edges(crystal, zone)
    assert edges.rectangular == rectangular
    made = make_supercell(crystal, edges, (2, 1))
    volume = abs(np.linalg.det(made.plane)) * made.period
    assert len(made.site) == pytest.approx(2 * volume / crystal.volume)
    projected = project(crystal, zone)
    columns = (made.fractions @ made.plane) @ np.linalg.inv(projected.cell)
    for site, column in zip(made.site, columns, strict=True):
        own = projected.positions[[s == crystal.symbols[site] for s in projected.symbols]]
        apart = own - column
        assert np.abs(apart - np.round(apart)).max(axis=1).min() < 1e-5
    assert (made.heights >= 0).all()
    assert (made.heights < made.period).all()


def test_layers_fill_the_period() -> None:
    made = make_supercell(SRTIO3, find_edges(SRTIO3, ZONE), (1, 1))
    layers = cut_layers(made, 2.0)
    assert layers.steps == pytest.approx([1.9525, 1.9525])
    assert layers.ends == pytest.approx([1.9525, 3.905])
    # One layer where slices may be thick: the crystal is as thick as before.
    (end,) = cut_layers(made, 8.0).ends
    assert end == pytest.approx(3.905)


def test_an_oblique_supercell_has_the_patterns_of_a_rectangular_one() -> None:
    places = np.array([[0, 0, 0], [0.37, 0.21, 0.5], [0.62, 0.71, 0.5]])
    options = ReferenceOptions(
        high_tension_kV=200, convergence_mrad=8, thicknesses_nm=(8.0,), tilt_x_mrad=3,
        tilt_y_mrad=-1, configurations=1, max_angle_mrad=16,
        resolution_mrad=1.0001e3 * electron_wavelength(200) / 32,
    )  # fmt: skip
    straight, skew = (
        simulate_reference(
            Crystal(
                lattice_from_parameters((4, 4, 4, 90, 90, angle)), ("Sr", "Ti", "O"), places,
                np.ones(3), np.full(3, 1e-3),
            ), ZONE, options,
        )
        for angle in (90, 89.85)
    )  # fmt: skip
    assert straight.mrad_per_pixel == pytest.approx(skew.mrad_per_pixel, rel=1e-3)
    assert straight.patterns.shape == skew.patterns.shape
    assert skew.patterns.sum() == pytest.approx(straight.patterns.sum(), rel=0.01)
    found = np.corrcoef(straight.patterns.ravel(), skew.patterns.ravel())[0, 1]
    assert found > 0.9998
    turned = np.corrcoef(straight.patterns.ravel(), skew.patterns[:, ::-1].ravel())[0, 1]
    assert turned < 0.995


def test_threads_change_nothing_and_progress_ends_at_all() -> None:
    options = ReferenceOptions(
        high_tension_kV=200, convergence_mrad=6, thicknesses_nm=(2.0,), configurations=3,
        resolution_mrad=1.6, max_angle_mrad=20, sampling_A=0.15, seed=2,
    )  # fmt: skip
    told: list[tuple[int, int]] = []

    def tell(done: int, of: int) -> None:
        told.append((done, of))

    one = simulate_reference(SRTIO3, ZONE, options, threads=1)
    two = simulate_reference(SRTIO3, ZONE, options, tell, threads=2)
    np.testing.assert_array_equal(one.patterns, two.patterns)
    assert told[-1][0] == told[-1][1]

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_reference(SRTIO3, ZONE, options, stop)


def test_a_place_that_is_too_full_is_refused() -> None:
    crowded = Crystal(
        np.eye(3) * 4, ("Sr", "Ba"), np.zeros((2, 3)), np.array([0.7, 0.5]), np.full(2, 0.5)
    )
    options = ReferenceOptions(
        high_tension_kV=200, convergence_mrad=6, thicknesses_nm=(2.0,), max_angle_mrad=20
    )
    with pytest.raises(CrystalError, match="correct the occupancies"):
        simulate_reference(crowded, ZONE, options)


def test_a_graphics_card_would_have_the_same_waves(monkeypatch) -> None:
    torch = pytest.importorskip("torch")
    options = ReferenceOptions(
        high_tension_kV=200, convergence_mrad=6, thicknesses_nm=(1.0, 2.0), configurations=1,
        resolution_mrad=1.6, max_angle_mrad=20, sampling_A=0.15,
    )  # fmt: skip
    expected = simulate_reference(SRTIO3, ZONE, options, threads=1).patterns
    # PyTorch's own device is not one of the options, since NumPy is meant by its name.
    found = simulate_reference(SRTIO3, ZONE, replace(options, device="cpu:0"), threads=1).patterns
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * expected.max())
    if not torch.cuda.is_available():
        with pytest.raises(OutOfRangeError, match='give "cpu"'):
            simulate_reference(SRTIO3, ZONE, replace(options, device="cuda"))
    monkeypatch.setitem(sys.modules, "pacbed.reference.accelerated", None)
    with pytest.raises(MissingExtraError, match=r"pacbed-cnn\[sim\]"):
        simulate_reference(SRTIO3, ZONE, replace(options, device="cuda"))
