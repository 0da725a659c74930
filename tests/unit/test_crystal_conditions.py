"""What is asked of a crystal: refused in one line where it cannot be, and said as understood."""

import numpy as np
import pytest

from pacbed.crystal.structure import Crystal, lattice_from_parameters
from pacbed.errors import CrystalError, OutOfRangeError, PacbedError
from pacbed.library.zone_axis import parse_zone_axis
from pacbed.own_crystal import simulated_table
from pacbed.own_crystal.conditions import ANY_CONVERGENCE_MRAD, crystal_conditions
from pacbed.own_crystal.directions import PatternDirections
from pacbed.own_crystal.open_crystal import open_crystal
from pacbed.own_crystal.understood import understand

SILICON = """data_x
_cell_length_a {a}
_cell_length_b 5.43
_cell_length_c 5.43
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt '{group}'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_B_iso_or_equiv
{sites}
"""
ONE_SITE = "Si1 Si 0 0 0 0.46"


@pytest.fixture
def crystals(repository):
    return repository / "tests" / "data" / "crystals"


@pytest.fixture
def nothing_is_simulated(monkeypatch):
    def simulate(*_arguments, **_more):
        raise AssertionError("the work began")

    monkeypatch.setattr(simulated_table, "simulate_table", simulate)
    monkeypatch.setattr(simulated_table, "check_cost", simulate)


@pytest.mark.usefixtures("nothing_is_simulated")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sites": ""}, "atom"),
        ({"sites": f"{ONE_SITE}\nSi2 Si 0.01 0 0 0.46"}, "apart"),
        ({"group": "Q 99"}, 'space group "Q 99" is not known'),
        ({"a": 500}, "500 Å long along a"),
        ({"sites": "X1 Xx 0 0 0 0.46"}, "unknown element"),
    ],
)
def test_bad_structures_are_one_line_before_any_work(tmp_path, changes, words):
    path = tmp_path / "bad.cif"
    given = {"a": 5.43, "group": "P 1", "sites": ONE_SITE, **changes}
    path.write_text(SILICON.format(**given), encoding="utf-8")
    with pytest.raises(PacbedError) as caught:
        open_crystal(path, zone_axis="0 0 1", high_tension_kV=200)
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("nothing_is_simulated")
@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"zone_axis": "0 0 0"}, CrystalError, "no direction"),
        ({"zone_axis": "(110)"}, CrystalError, "is a plane"),
        ({"zone_axis": "1 1"}, CrystalError, "three whole numbers"),
        ({"zone_axis": "1 1 2 0"}, CrystalError, "u + v + t"),
        ({"zone_axis": (1, 0.5, 0)}, CrystalError, "three whole numbers"),
        ({"zone_axis": "1 0 100"}, CrystalError, "up to 99"),
        ({"high_tension_kV": 9}, OutOfRangeError, "high tension 9 kV"),
        ({"high_tension_kV": 3001}, OutOfRangeError, "3001 kV"),
        ({"high_tension_kV": float("nan")}, OutOfRangeError, "nan kV"),
        ({"convergence_mrad": 0.0}, OutOfRangeError, "0 mrad"),
        ({"convergence_mrad": 300.0}, OutOfRangeError, "300 mrad"),
        ({"convergence_mrad": (20.0, 10.0)}, OutOfRangeError, "backwards"),
        ({"thickness_max_nm": -1.0}, OutOfRangeError, "thickness -1 nm"),
        ({"mistilt_max_mrad": 90.0}, OutOfRangeError, "mistilt 90 mrad"),
        ({"b_iso": {"Si": -1.0}}, CrystalError, "B = -1"),
        ({"b_iso": {"Qq": 1.0}}, CrystalError, "no element"),
        ({"b_iso": {"Ge": 1.0}}, CrystalError, "has no Ge"),
    ],
)
def test_impossible_conditions_are_one_line_before_any_work(crystals, changes, error, words):
    given = {"zone_axis": "0 0 1", "high_tension_kV": 200.0, **changes}
    with pytest.raises(error) as caught:
        open_crystal(crystals / "Si.cif", **given)
    assert words in str(caught.value)
    assert "Si.cif" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_convergence_angle_is_taken_as_roughly_known_or_not_at_all():
    def span(angle):
        return crystal_conditions("x.cif", "0 0 1", 200, angle).convergence_mrad

    assert span(None) == ANY_CONVERGENCE_MRAD
    assert span(20) == pytest.approx((18, 22))
    assert span((9.0, 11.0)) == (9, 11)
    assert span(1.0)[0] == 1.0


def test_hexagonal_directions():
    assert parse_zone_axis("1 1 -2 0") == parse_zone_axis("11-20") == (1, 1, 0)
    assert crystal_conditions("x.cif", (0, 0, 0, 1), 200).zone_axis == (0, 0, 1)


@pytest.mark.parametrize(
    ("sites", "formula"),
    [
        ([("In", 0, 0.2), ("Ga", 0, 0.8), ("As", 0.25, 1)], "In0.2Ga0.8As"),
        ([("As", 0.25, 1), ("Si", 0, 1)], "AsSi"),
        ([("La", 0, 2 / 3), ("As", 0.25, 1)], "La0.667As"),
        ([("Si", 0, 1), ("Si", 0.25, 1)], "Si"),
    ],
)
def test_partly_filled_sites_keep_their_shares_in_the_formula(sites, formula):
    corners = [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    atoms = [(s, tuple(np.add(c, x)), share) for s, x, share in sites for c in corners]
    symbols, positions, shares = zip(*atoms, strict=True)
    crystal = Crystal(
        lattice_from_parameters((5.6, 5.6, 5.6, 90, 90, 90)),
        symbols,
        np.array(positions),
        np.array(shares, float),
        np.full(len(symbols), 0.5),
    )
    assert crystal.formula == formula


@pytest.mark.filterwarnings("ignore:.*no Debye-Waller factor")
def test_what_was_understood_says_where_each_number_is_from(crystals):
    found = understand(crystal_conditions(crystals / "GaN.cif", "11-20", 200, b_iso={"N": 0.4}))
    said = dict(found.rows())
    assert said["Crystal"] == "GaN, P6_3mc (186), hexagonal"
    words = " ".join(value for _, value in found.rows())
    assert "Ga 0.5 Å² (a default, not in the CIF" in words
    assert "N 0.4 Å² (given)" in words
    assert said["Projection"] == "2.762 x 5.185 Å, 90.0°, 14.3 Å², 2 symmetry operations"
    assert said["Directions"] == "at rotation 0: x (right) = [1-100], y (down) = -c; +c points up"
    mixed = understand(crystal_conditions(crystals / "AlGaN.cif", "0001", 200))
    assert "partly filled: Al 0.3, Ga 0.7" in dict(mixed.rows())["Content"]


@pytest.mark.filterwarnings("ignore:.*no Debye-Waller factor")
def test_directions_are_those_of_the_cell_that_patterns_are_made_of(crystals):
    """Each named direction, laid through the axes of the projection."""
    found = understand(crystal_conditions(crystals / "GaN.cif", "11-20", 200))
    x, y, _ = found.cell.axes
    a, b, c = found.crystal.cell
    direction = a - b  # [1-100] is along a - b
    assert x @ direction / np.linalg.norm(direction) == pytest.approx(1)
    assert y @ c / np.linalg.norm(c) == pytest.approx(-1)
    assert (found.directions.named, found.directions.named_deg) == ("+c", -90)
    assert found.directions.sentence(127) == "+c points 37° from +x (right) towards +y (down)"
    monoclinic = understand(crystal_conditions(crystals / "ZrO2.cif", "1 1 0", 200)).directions
    assert monoclinic.x == "the projection of a"
    assert "a multiple of 180° further" in monoclinic.sentence(0)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        3,
        {},
        {"x": "a"},
        {"x": 1, "y": 2, "named": 3, "named_deg": "nan", "order": 1},
    ],
)
def test_what_a_model_says_of_directions_is_looked_at(stored):
    assert PatternDirections.from_dict(stored) is None


def test_directions_survive_a_description():
    directions = PatternDirections("[1-100]", "-c", "+c", -90.0, 1)
    assert PatternDirections.from_dict(directions.to_dict()) == directions
