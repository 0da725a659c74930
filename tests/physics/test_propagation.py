"""The kernels against their literal twin and against closed forms."""

import numpy as np
import pytest

from pacbed.crystal.projection import ProjectedCell, project
from pacbed.crystal.scattering import potential_coefficients
from pacbed.lacbed.bloch import beam_intensities, beams_within
from pacbed.lacbed.multislice import MultisliceOptions, grid_shape, prepare
from pacbed.lacbed.neighbourhood import choose_reach, prepare_kernel
from pacbed.units import electron_wavelength
from tests.crystals import crystal, gallium_nitride, rutile, silicon, strontium_titanate

THICKNESSES = np.array([200.0, 500.0, 1000.0])
DIRECTION = np.array([0.12, 0.07])


def gold():
    positions = [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    return crystal((4.078, 4.078, 4.078, 90, 90, 90), [("Au", p, 0.63) for p in positions])


SYSTEMS = [
    (strontium_titanate, (0, 0, 1), 200.0, 3.2),
    (rutile, (0, 0, 1), 80.0, 3.2),
    (silicon, (1, 1, 0), 200.0, 3.2),
    (gallium_nitride, (0, 0, 1), 300.0, 3.2),
]
#: With the neighbourhood's kernel as well: heavy columns, and a cell that is polar.
MORE = [
    *((*system[:3], 4.0) for system in SYSTEMS),
    (gold, (1, 1, 0), 200.0, 5.0),
    (gallium_nitride, (1, 1, 0), 200.0, 4.0),
]


def multislice(cell, beams, high_tension_kV, **options):
    kernel = prepare(cell, high_tension_kV, 5.0, 200, MultisliceOptions(**options))
    return kernel(DIRECTION[None], beams).beams[[40, 100, 200], :, 0]


def neighbourhood(cell, beams, high_tension_kV, offsets=((0.0, 0.0),), **options):
    """Intensities at offsets (mrad) from a direction, each the corner of a neighbourhood."""
    options = {"step": 5.0, "steps": 200, "substeps": 1, **options}
    kernel = prepare_kernel(
        cell, high_tension_kV, choose_reach(cell, high_tension_kV), 0.3, 4.0, **options
    )
    per_mrad = 1e-3 / electron_wavelength(high_tension_kV)
    every = round(5.0 / options["step"])
    found = []
    for offset in np.array(offsets) * per_mrad:
        pair = np.stack([DIRECTION, DIRECTION + 2 * offset])
        found.append(kernel(pair, beams).beams[..., 0])
    return np.stack(found, axis=-1)[np.array([40, 100, 200]) * every]


@pytest.mark.slow
@pytest.mark.parametrize(("make", "zone", "high_tension_kV", "g_max"), SYSTEMS)
def test_multislice_equals_twin(make, zone, high_tension_kV, g_max):
    cell = project(make(), zone)
    beams = beams_within(cell, g_max)
    twin = beam_intensities(cell, beams, DIRECTION, high_tension_kV, THICKNESSES)
    default = multislice(cell, beams, high_tension_kV)
    assert np.abs(default - twin).max() <= 2e-3
    halved = multislice(cell, beams, high_tension_kV, slice_thickness=0.835)
    assert np.abs(default - halved).max() <= 2e-3


@pytest.mark.slow
@pytest.mark.parametrize(("make", "zone", "high_tension_kV", "g_max"), MORE)
def test_neighbourhood_equals_twin(make, zone, high_tension_kV, g_max):
    """In its middle, and 2 mrad off along both axes with a step of half a nanometre."""
    cell = project(make(), zone)
    beams = beams_within(cell, g_max)
    twin = beam_intensities(cell, beams, DIRECTION, high_tension_kV, THICKNESSES)
    few = beams_within(cell, 1.5)
    found = neighbourhood(cell, few, high_tension_kV, [(0, 0), (2, 2)])
    assert np.abs(found[..., 0] - twin[:, : len(few)]).max() <= 1.5e-3
    assert np.abs(found[..., 1] - twin[:, : len(few)]).max() <= 2.5e-3


@pytest.mark.parametrize(("make", "zone", "high_tension_kV", "g_max"), SYSTEMS)
def test_intensity_is_kept_without_absorption(make, zone, high_tension_kV, g_max):
    cell = project(make(), zone)
    axes = (np.fft.fftfreq(n, 1 / n) for n in grid_shape(cell, 4.5))
    every = np.stack(np.meshgrid(*axes, indexing="ij"), -1).astype(int).reshape(-1, 2)
    kept = multislice(cell, every, high_tension_kV, absorption=False).sum(axis=1)
    assert kept == pytest.approx(np.ones(3), abs=1e-4)
    absorbed = multislice(cell, every, high_tension_kV).sum(axis=1)
    assert (np.diff([1, *absorbed]) < -0.01).all()

    g = beams_within(cell, 3.0)
    vectors = g @ cell.reciprocal
    excitation = (vectors**2).sum(axis=1) + 2 * vectors @ DIRECTION
    carried = g[excitation <= choose_reach(cell, high_tension_kV).carried]
    kept = neighbourhood(cell, carried, high_tension_kV, absorption=False).sum(axis=1)
    # Two hundred products in single precision.
    assert kept[:, 0] == pytest.approx(np.ones(3), abs=2e-4)
    absorbed = neighbourhood(cell, carried, high_tension_kV).sum(axis=1)[:, 0]
    assert (np.diff([1, *absorbed]) < -0.01).all()


def test_absorption_is_scaled_alike_by_both_kernels():
    # What is lost of all beams together goes, while it is little, with the factor on absorption.
    cell = project(strontium_titanate(), (0, 0, 1))
    few = beams_within(cell, 1.5)
    for factor in (0.8, 1.2):
        other = multislice(cell, few, 200.0, absorption=factor)
        found = neighbourhood(cell, few, 200.0, absorption=factor)[..., 0]
        assert np.abs(found - other).max() <= 3e-3
        changed = other.sum(axis=1) - multislice(cell, few, 200.0).sum(axis=1)
        assert (np.sign(changed) == np.sign(1 - factor)).all()
    lost = [
        1 - neighbourhood(cell, beams_within(cell, 3.0), 200.0, absorption=factor).sum(axis=1)[0, 0]
        for factor in (0.0, 0.05, 0.1)
    ]
    assert np.diff(lost)[1] == pytest.approx(np.diff(lost)[0], rel=0.12)


def test_multislice_is_of_second_order():
    cell = project(strontium_titanate(), (0, 0, 1))
    beams = beams_within(cell, 1.0)
    fine = multislice(cell, beams, 200.0, slice_thickness=0.25)
    errors = [
        np.abs(multislice(cell, beams, 200.0, slice_thickness=dz) - fine)[0].max()
        for dz in (2.5, 1.25)
    ]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.3)


def test_neighbourhood_is_of_second_order():
    cell = project(strontium_titanate(), (0, 0, 1))
    beams = beams_within(cell, 1.0)
    fine, *coarse = (
        neighbourhood(cell, beams, 200.0, [(3, 3)], step=5.0, substeps=substeps)[0]
        for substeps in (8, 1, 2)
    )
    errors = [np.abs(values - fine).max() for values in coarse]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.3)


def test_two_beam_limit():
    """P_g = |U_g|² sin²(πλ t √(s² + |U_g|²)) / (s² + |U_g|²), in the Laue position and off it."""
    high_tension_kV = 200.0
    cell = project(strontium_titanate(), (0, 0, 1))
    beams = np.array([[0, 0], [1, 0]])
    g = cell.reciprocal[0]
    u_g = abs(potential_coefficients(cell, beams, high_tension_kV)[1].real)
    wavelength = electron_wavelength(high_tension_kV)
    for tilt in (-0.5, -0.45):
        direction = tilt * g
        half_error = (2 * g @ direction + g @ g) / 2
        found = beam_intensities(cell, beams, direction, high_tension_kV, THICKNESSES, False)
        root = np.hypot(half_error, u_g)
        expected = (u_g / root) ** 2 * np.sin(np.pi * wavelength * THICKNESSES * root) ** 2
        assert found[:, 1] == pytest.approx(expected, abs=1e-6)


def test_symmetry_of_the_intensities():
    cell = project(rutile(), (0, 0, 1))
    beams = beams_within(cell, 1.2)
    number = {tuple(beam): n for n, beam in enumerate(beams.tolist())}
    k = np.array([0.3, 0.1])
    directions = np.array([k @ w for w in cell.point_group]) @ cell.reciprocal
    intensities = prepare(cell, 80.0, 5.0, 40, MultisliceOptions())(directions, beams).beams
    intensities = intensities.transpose(0, 2, 1)
    for n, w in enumerate(cell.point_group):
        image = [number[tuple(h)] for h in (beams @ w).tolist()]
        same = int(np.flatnonzero((cell.point_group == np.eye(2)).all(axis=(1, 2)))[0])
        assert intensities[-1, n, image] == pytest.approx(intensities[-1, same], abs=1e-4)


def test_projected_cell_is_plain_data():
    cell = project(silicon(), (1, 1, 1))
    assert isinstance(cell, ProjectedCell)
    assert cell.reciprocal @ cell.cell.T == pytest.approx(np.eye(2))
