"""The frozen-phonon reference: geometry, averaging, and agreement with the engine."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pacbed.crystal.projection import project
from pacbed.crystal.structure import Crystal, lattice_from_parameters
from pacbed.errors import FileFormatError, OutOfRangeError
from pacbed.lacbed.bloch import beam_intensities, beams_within
from pacbed.reference import ReferenceOptions, ReferencePatterns, simulate_reference
from pacbed.reference.aperture import shares_inside
from pacbed.reference.engine import make_engine
from pacbed.reference.intensities import parts_of
from pacbed.reference.scan import cancels_interference, probe_positions, scan_shape
from pacbed.units import electron_wavelength

ZONE = (0, 0, 1)
SMALL = ReferenceOptions(
    high_tension_kV=200,
    convergence_mrad=6,
    thicknesses_nm=(4.0,),
    configurations=0,
    sampling_A=0.15,
    max_angle_mrad=22,
    resolution_mrad=1.0,
)


def crystal_of(cell: np.ndarray, atoms: list[tuple[str, list[float], float]], b: float) -> Crystal:
    return Crystal(
        cell,
        tuple(symbol for symbol, _, _ in atoms),
        np.array([position for _, position, _ in atoms]),
        np.array([occupancy for _, _, occupancy in atoms]),
        np.full(len(atoms), b),
    )


@pytest.fixture(scope="module")
def skew() -> Crystal:
    """A rectangular crystal without any symmetry in projection."""
    atoms = [
        ("Sr", [0.0, 0.0, 0.1], 1.0),
        ("Ti", [0.37, 0.21, 0.6], 1.0),
        ("O", [0.62, 0.71, 0.35], 1.0),
    ]
    return crystal_of(np.diag([4.4, 5.2, 4.0]), atoms, 0.0)


def test_zone_axis_lies_at_the_tilt() -> None:
    # With disks apart and no averaging needed, the bright-field disk of a crystal
    # with a twofold axis is symmetric about the zone axis.
    atoms = [("Sr", [0, 0, 0], 1.0), ("Ti", [0.5, 0.5, 0.5], 1.0), ("O", [0.5, 0.5, 0.0], 1.0)]
    crystal = crystal_of(np.eye(3) * 3.905, atoms, 0.0)
    pixel = electron_wavelength(300) / (9 * 3.905) * 1e3
    options = ReferenceOptions(
        high_tension_kV=300,
        convergence_mrad=2.4,
        thicknesses_nm=(12.0,),
        tilt_x_mrad=2 * pixel,
        tilt_y_mrad=-1 * pixel,
        configurations=0,
        sampling_A=0.14,
        max_angle_mrad=8,
        resolution_mrad=pixel * 1.01,
    )
    result = simulate_reference(crystal, ZONE, options)
    assert result.mrad_per_pixel == pytest.approx((pixel, pixel))
    pattern = result.patterns[0]
    middle = pattern.shape[0] // 2

    def asymmetry(column: int, row: int) -> float:
        r, c = middle + row, middle + column
        window = pattern[r - 1 : r + 2, c - 1 : c + 2].astype(float)
        return float(np.abs(window - window[::-1, ::-1]).max() / window.mean())

    assert asymmetry(2, -1) < 5e-3
    assert min(asymmetry(-2, 1), asymmetry(-1, 2), asymmetry(0, 0)) > 3e-2


def test_agrees_with_bloch_waves_in_one_orientation_only(skew: Crystal) -> None:
    # Disks apart: a pixel at k + g holds P_g(k) of one incident wave.
    tilt = np.array([2.0, -1.0])
    options = replace(
        SMALL,
        convergence_mrad=2.2,
        thicknesses_nm=(14.0,),
        tilt_x_mrad=tilt[0],
        tilt_y_mrad=tilt[1],
        sampling_A=0.1,
        max_angle_mrad=14,
    )
    result = simulate_reference(skew, ZONE, options)
    across = result.provenance["repeats"]
    pattern = result.patterns[0]
    pixel = np.array(result.mrad_per_pixel[::-1])
    middle = np.array(pattern.shape) // 2
    offsets = np.array([[0, 0], [1, 1], [-1, 1], [2, 0], [-2, 0], [0, 2], [0, -2]])
    grid = np.stack(np.meshgrid(np.arange(-9, 10), np.arange(-9, 10), indexing="ij"), axis=-1)
    shares = shares_inside(grid * pixel, np.diag(pixel), 2.2)
    # What the incident wave of each of them has of all.
    of_incident = shares[9 + offsets[:, 0], 9 + offsets[:, 1]] / shares.sum()
    cell = project(skew, ZONE)
    beams = beams_within(cell, 1.6)
    measured_beams = np.flatnonzero(np.abs(beams).max(axis=1) <= 1)

    def intensities(zone_axis_mrad: np.ndarray) -> np.ndarray:
        wavelength = electron_wavelength(200)
        return np.array(
            [
                beam_intensities(
                    cell,
                    beams,
                    (offset * pixel - zone_axis_mrad) * 1e-3 / wavelength,
                    200,
                    result.thicknesses_nm * 10,
                    absorption=False,
                )[0, measured_beams]
                for offset in offsets
            ]
        )

    place = offsets[:, None, :] + beams[measured_beams] * np.array(across[:2])
    measured = pattern[middle[0] + place[..., 1], middle[1] + place[..., 0]] / of_incident[:, None]
    # What bare potentials scatter beyond either engine's beams makes the difference.
    assert np.abs(intensities(tilt) - measured).max() < 0.04

    def correlation(zone_axis_mrad: np.ndarray) -> float:
        # How each beam varies with direction is what tells orientations apart.
        ours = intensities(zone_axis_mrad)
        pair = [(values - values.mean(axis=0)).ravel() for values in (ours, measured)]
        return float(np.corrcoef(*pair)[0, 1])

    assert correlation(tilt) > 0.97
    for wrong in (-tilt, tilt * [1, -1], tilt * [-1, 1], tilt[::-1]):
        assert correlation(wrong) < 0.9


def test_average_over_positions_leaves_no_interference(skew: Crystal) -> None:
    exact = simulate_reference(skew, ZONE, SMALL)
    finer = simulate_reference(skew, ZONE, replace(SMALL, probe_step=1 / 5, seed=7))
    assert finer.provenance["probe_positions"] == [5, 5]
    assert np.prod(exact.provenance["probe_positions"]) < 25
    assert np.abs(exact.patterns - finer.patterns).max() < 2e-5 * exact.patterns.max()
    with pytest.raises(OutOfRangeError, match="probe_step"):
        simulate_reference(skew, ZONE, replace(SMALL, probe_step=0.5))


def test_thicknesses_of_one_run_equal_single_runs(skew: Crystal) -> None:
    series = simulate_reference(skew, ZONE, replace(SMALL, thicknesses_nm=(4.0, 2.0)))
    single = simulate_reference(skew, ZONE, replace(SMALL, thicknesses_nm=(2.0,)))
    np.testing.assert_allclose(series.thicknesses_nm, [2.0, 4.0])
    np.testing.assert_allclose(series.patterns[0], single.patterns[0], atol=1e-9)
    assert np.all(series.patterns.sum(axis=(1, 2)) < 1 + 1e-5)


def test_phonons_scatter_between_the_disks_and_repeat_with_the_seed(skew: Crystal) -> None:
    warm = replace(skew, b_iso=np.full(3, 1.0))
    options = replace(SMALL, convergence_mrad=1.5, configurations=2, seed=4)
    result = simulate_reference(warm, ZONE, options)
    moving = result.patterns[0]
    resting = simulate_reference(skew, ZONE, replace(options, configurations=0)).patterns[0]
    again = simulate_reference(warm, ZONE, options).patterns[0]
    other = simulate_reference(warm, ZONE, replace(options, seed=5)).patterns[0]
    np.testing.assert_array_equal(moving, again)
    assert np.abs(moving - other).max() > 0
    # Points half-way between beams along x lie in no disk.
    middle = moving.shape[1] // 2
    period = result.provenance["repeats"][0]
    columns = np.arange(middle + period // 2, moving.shape[1], period)
    assert moving[:, columns].mean() > 1e-6
    assert resting[:, columns].max() < 1e-3 * moving[:, columns].mean()


def test_dealt_positions_average_to_the_full_scan(skew: Crystal) -> None:
    # Atoms that hardly move: dealt out or not, the patterns are the same, also where there are
    # more configurations than positions.
    stiff = replace(skew, b_iso=np.full(3, 1e-4))
    options = replace(SMALL, configurations=12, deal_positions=True)
    dealt = simulate_reference(stiff, ZONE, options)
    whole = replace(options, configurations=1, deal_positions=False)
    full = simulate_reference(stiff, ZONE, whole).patterns
    assert np.abs(dealt.patterns - full).max() < 2e-3 * full.max()


def test_partial_occupancy_is_drawn_in_each_configuration(skew: Crystal) -> None:
    mixed = replace(skew, occupancies=np.array([1.0, 0.5, 1.0]))
    whole, shared = (simulate_reference(c, ZONE, SMALL).patterns[0] for c in (skew, mixed))
    assert np.abs(whole - shared).max() > 0.02 * whole.max()
    # Atoms hardly move: what is diffuse comes from which of them are there.
    stiff = replace(mixed, b_iso=np.full(3, 1e-4))
    engine = make_engine(stiff, ZONE, replace(SMALL, configurations=1))
    place = np.zeros((1, 2))
    first, second = (
        next(iter(parts_of(engine, place, np.random.default_rng(seed)))) for seed in (1, 2)
    )
    assert np.array_equal(first.elastic, second.elastic)
    assert first.diffuse.max() > 1e-4 * first.elastic.max()
    assert np.abs(first.diffuse - second.diffuse).max() > 0.2 * first.diffuse.max()


def test_patterns_survive_the_file(tmp_path: Path) -> None:
    patterns = ReferencePatterns(
        np.ones((1, 2, 3), np.float32), np.array([5.0]), (0.5, 0.25), {"engine": "none"}
    )
    path = tmp_path / "reference.npz"
    patterns.save(path)
    loaded = ReferencePatterns.load(path)
    np.testing.assert_array_equal(loaded.patterns, patterns.patterns)
    assert loaded.mrad_per_pixel == (0.5, 0.25)
    assert loaded.provenance == {"engine": "none"}
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(FileFormatError, match=r"reference\.npz"):
        ReferencePatterns.load(path)
    with pytest.raises(FileFormatError, match="does not exist"):
        ReferencePatterns.load(tmp_path / "absent.npz")


def test_impossible_options_name_the_mend(skew: Crystal) -> None:
    for change in (
        {"convergence_mrad": 0.0},
        {"thicknesses_nm": ()},
        {"seed": -1},
    ):
        with pytest.raises(OutOfRangeError):
            replace(SMALL, **change)  # type: ignore[arg-type]
    with pytest.raises(OutOfRangeError, match="larger resolution_mrad"):
        simulate_reference(skew, ZONE, replace(SMALL, resolution_mrad=0.02))
    with pytest.raises(OutOfRangeError, match="use sampling_A"):
        simulate_reference(skew, ZONE, replace(SMALL, max_angle_mrad=200))


def test_scan_grids_cancel_what_overlaps() -> None:
    square = np.eye(2) / 4.0
    assert scan_shape(square, 0.2) == (1, 1)
    assert scan_shape(square, 0.6) == (3, 3)
    hexagonal = np.linalg.inv(lattice_from_parameters((3, 3, 5, 90, 90, 120))[:2, :2]).T
    reach = 1.1
    shape = scan_shape(hexagonal, reach)
    cell = np.linalg.inv(hexagonal).T
    positions = probe_positions(cell, shape, np.random.default_rng(0))
    for i in range(-6, 7):
        for j in range(-6, 7):
            vector = np.array([i, j]) @ hexagonal
            if 0 < np.linalg.norm(vector) <= reach:
                grid = np.stack(np.meshgrid(*map(np.arange, shape)), -1).reshape(-1, 2) / shape
                assert abs(np.exp(2j * np.pi * grid @ cell @ vector).mean()) < 1e-12
    assert len(positions) == np.prod(shape)
    assert not cancels_interference((shape[0] - 1, shape[1]), hexagonal, reach)
