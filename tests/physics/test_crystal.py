"""The projected cell, its symmetry, and the scattering factors."""

import dataclasses
import warnings

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.special import j0

from pacbed.crystal.cif import read_cif
from pacbed.crystal.form_factor import projected_potential, scattering_factor
from pacbed.crystal.mean_scattering import mean_factor
from pacbed.crystal.projection import project
from pacbed.crystal.scattering import potential_coefficients
from pacbed.crystal.stacking import higher_zones
from pacbed.crystal.structure import DEFAULT_B_ISO, Crystal
from pacbed.errors import CrystalError
from pacbed.lacbed.build import verify_symmetry
from tests.crystals import gallium_nitride, rutile, silicon, strontium_titanate

CASES = [
    (strontium_titanate, (0, 0, 1), 3.905**2, 8),
    (strontium_titanate, (1, 1, 2), None, 4),
    (rutile, (0, 0, 1), 4.5937**2, 8),
    (silicon, (1, 1, 0), 5.431**2 / 2 / 2**0.5, 4),
    (silicon, (0, 0, 1), 5.431**2 / 8, 8),
    (silicon, (1, 1, 1), None, 12),
    (gallium_nitride, (0, 0, 1), 3.19**2 * 3**0.5 / 2, 12),
]


@pytest.mark.parametrize(("make", "zone", "area", "order"), CASES)
def test_projection_keeps_density_and_finds_symmetry(make, zone, area, order):
    crystal = make()
    cell = project(crystal, zone)
    density = cell.weights.sum() / cell.area
    assert density == pytest.approx(len(crystal.symbols) / crystal.volume, rel=1e-9)
    assert len(cell.point_group) == order
    if area is not None:
        assert cell.area == pytest.approx(area, rel=1e-6)
    verify_symmetry(cell, 200.0)


def test_first_lattice_vector_gives_x():
    cell = project(rutile(), (0, 0, 1))
    assert cell.axes[0] == pytest.approx([1, 0, 0])
    assert cell.axes[2] == pytest.approx([0, 0, 1])
    assert cell.cell[0] == pytest.approx([4.5937, 0])


def test_direction_is_not_a_plane():
    """[102] of a tetragonal cell is not the normal of (102)."""
    cell = project(rutile(), (1, 0, 2))
    direction = np.array([4.5937, 0, 2 * 2.9587])
    assert cell.axes[2] == pytest.approx(direction / np.linalg.norm(direction))


def test_wrong_symmetry_is_refused():
    good = strontium_titanate()
    # An oxygen in a general position breaks the symmetry that is claimed below.
    moved = good.positions.copy()
    moved[2] += [0.03, 0.01, 0]
    broken = project(
        Crystal(good.cell, good.symbols, moved, good.occupancies, good.b_iso), (0, 0, 1)
    )
    claimed = project(good, (0, 0, 1))
    wrong = type(broken)(
        **{
            **broken.__dict__,
            "point_group": claimed.point_group,
            "translations": claimed.translations,
        }
    )
    with pytest.raises(CrystalError, match="less symmetric"):
        verify_symmetry(wrong, 200.0)


def test_partial_occupancy_scales_the_potential():
    full = strontium_titanate()
    half = Crystal(full.cell, full.symbols, full.positions, full.occupancies * 0.5, full.b_iso)
    g = np.array([[0, 0], [1, 0], [1, 1]])
    values = [potential_coefficients(project(c, (0, 0, 1)), g, 200.0) for c in (full, half)]
    # Higher zones act to second order, which is little.
    assert values[1] == pytest.approx(0.5 * values[0], abs=2e-4)


def test_absorption_integral_against_adaptive_quadrature():
    b_iso, g = 0.6, 0.5
    factor = scattering_factor("Ti")

    def integrand(radius, angle):
        x, y = radius * np.cos(angle), radius * np.sin(angle)
        first = radius
        second = np.hypot(g - x, y)
        thermal = np.exp(-b_iso * g**2 / 4) - np.exp(-b_iso * (first**2 + second**2) / 4)
        return float(factor(np.array(first)) * factor(np.array(second)) * thermal) * radius

    expected, _ = dblquad(integrand, 0, np.pi, 0, 60, epsabs=1e-3, epsrel=1e-3)
    # A weak potential's mean has this alone beyond the Debye–Waller factor.
    weak = 1e-4
    found = mean_factor("Ti", b_iso, weak, np.array([g]))[0].imag / (weak / 2)
    assert found == pytest.approx(2 * expected, rel=0.01)


def test_mean_wave_behind_an_atom_against_drawn_displacements():
    """γλF is minus i times the logarithm of ⟨exp(iφ)⟩, here of displacements on a fine lattice."""
    symbol, b_iso, strength = "Sr", 0.62, 0.0251 * 1.391
    spread = np.sqrt(b_iso / (8 * np.pi**2))
    axis = (np.arange(600) + 0.5) / 50 - 6
    x, y = np.meshgrid(axis * spread, axis * spread)
    weight = np.exp(-(axis**2) / 2) / np.sqrt(2 * np.pi) / 50
    weight = np.outer(weight, weight)
    g = np.linspace(0, 12, 4001)
    factor = mean_factor(symbol, b_iso, strength, g)
    for place in (0.05, 0.15, 0.4):
        phase = strength * projected_potential(symbol)(np.hypot(x - place, y))
        mean = (weight * np.exp(1j * phase)).sum()
        waves = 2 * np.pi * g * j0(2 * np.pi * g * place)
        found = np.exp(1j * strength * np.trapezoid(factor * waves, g))
        assert abs(found - mean) < 5e-4
        # The elastic first order alone misses it.
        first = scattering_factor(symbol)(g) * np.exp(-b_iso * g**2 / 4)
        assert abs(np.exp(1j * strength * np.trapezoid(first * waves, g)) - mean) > 1e-3


def test_projected_potential_is_the_factors_fourier_integral():
    r = np.array([0.3, 0.8])
    g = np.linspace(0, 40, 40001)
    damped = np.exp(-0.01 * g**2 / 4)
    waves = 2 * np.pi * g * j0(2 * np.pi * g * r[:, None]) * scattering_factor("O")(g) * damped
    expected = np.trapezoid(waves, g, axis=1)
    assert projected_potential("O")(r) == pytest.approx(expected, rel=2e-3)


def test_higher_zones_do_not_depend_on_the_cell_that_describes_them():
    # The primitive cell of face-centred silicon and its cube, along an axis that lifts both.
    cube = silicon()
    basis = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    kept = [0, next(n for n in range(1, 8) if np.allclose(cube.positions[n] * 4 % 2, 1))]
    primitive = Crystal(
        basis @ cube.cell, ("Si", "Si"), cube.positions[kept] @ np.linalg.inv(basis),
        np.ones(2), cube.b_iso[kept],
    )  # fmt: skip
    cells = project(cube, (1, 1, 2)), project(primitive, (1, 1, 0))
    assert cells[0].stacking.period == pytest.approx(2 * cells[1].stacking.period)
    g = np.array([[1, 0], [2, 1], [-1, 3]]) @ cells[0].reciprocal @ cells[0].axes[:2]
    one, other = (higher_zones(cell.stacking, g @ cell.axes[:2].T, 200.0) for cell in cells)
    assert np.abs(one).min() > 1e-6
    assert other == pytest.approx(one, rel=0.02)


def test_what_is_changed_in_a_cell_is_changed_in_its_higher_zones():
    """Factors and shares stand in one place: a changed copy is the changed crystal's own cell."""
    crystal = strontium_titanate()
    cell = project(crystal, (0, 0, 1))
    titanium = np.array([symbol == "Ti" for symbol in crystal.symbols])
    warm = dataclasses.replace(crystal, b_iso=np.where(titanium, 2.5, 1) * crystal.b_iso)
    thin = dataclasses.replace(crystal, occupancies=np.where(titanium, 0.6, 1.0))
    there = np.array([symbol == "Ti" for symbol in cell.symbols])
    g = np.array([[1, 0], [1, 1], [2, 0], [2, 1]])
    for changed, expected in (
        (dataclasses.replace(cell, b_iso=np.where(there, 2.5, 1) * cell.b_iso), warm),
        (dataclasses.replace(cell, weights=np.where(there, 0.6, 1) * cell.weights), thin),
    ):
        own = project(expected, (0, 0, 1))
        found, wanted, before = (
            higher_zones(one.stacking, g @ one.reciprocal, 200.0) for one in (changed, own, cell)
        )
        assert found == pytest.approx(wanted, rel=1e-9)
        assert np.abs(found - before).max() > 0.02 * np.abs(before).max()


def test_higher_zones_of_a_crystal_of_one_kind_of_layer():
    """Thin layers all alike have none: they fall with the square of the period."""

    def at(period):
        # As many atoms in a volume.
        crystal = Crystal(
            np.diag([4.0, 4.0, period]),
            ("Sr",),
            np.zeros((1, 3)),
            np.full(1, period / 4),
            np.ones(1),
        )
        stacking = project(crystal, (0, 0, 1)).stacking
        return higher_zones(stacking, np.array([[0.25, 0.0]]), 200.0)[0].real

    assert at(4.0) < 0
    assert 0.05 < at(2.0) / at(4.0) < 0.25


CIF = """data_test
_cell_length_a 4.0
_cell_length_b 4.0
_cell_length_c 4.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_U_iso_or_equiv
Ba1 {element} 0 0 0 0.7 0.01
Ti1 Ti 0.5 0.5 0.5 1 .
O1 O 0.5 0.5 0 1 0.01
"""


def test_cif_with_symmetry_occupancy_and_displacements(tmp_path):
    path = tmp_path / "a.cif"
    path.write_text(CIF.format(element="Ba"))
    with pytest.warns(UserWarning, match="no Debye-Waller factor for Ti"):
        crystal = read_cif(path)
    assert crystal.symbols == ("Ba", "Ti", "O", "O", "O")
    assert crystal.occupancies[0] == pytest.approx(0.7)
    assert crystal.b_iso[0] == pytest.approx(8 * np.pi**2 * 0.01)
    assert crystal.b_iso[1] == DEFAULT_B_ISO
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_cif(path, {"Ti": 0.4}).b_iso[1] == 0.4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CIF.format(element="Qq"), "unknown element"),
        ("data_empty\n_cell_length_a 4\n", "no atom sites"),
        ("this is no CIF", "cannot be read as a CIF"),
    ],
)
def test_bad_cif(tmp_path, text, message):
    path = tmp_path / "bad.cif"
    path.write_text(text)
    with pytest.raises(CrystalError, match=message) as caught:
        read_cif(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_zero_direction_is_refused():
    with pytest.raises(CrystalError, match="not a direction"):
        project(rutile(), (0, 0, 0))
