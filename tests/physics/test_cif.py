"""CIF files as programs and databases write them."""

import re
import warnings
from collections import Counter
from pathlib import Path

import pytest

from pacbed.crystal.cif import read_cif, read_cif_notes
from pacbed.errors import CrystalError

SYMMETRY = "_space_group_name_H-M_alt 'F d -3 m :1'\n_space_group_IT_number 227\n"


@pytest.fixture
def silicon(repository, tmp_path):
    """Writes silicon with other symmetry or sites; returns the path."""
    text = (repository / "tests" / "data" / "crystals" / "Si.cif").read_text(encoding="utf-8")
    assert SYMMETRY in text

    def write(symmetry: str = SYMMETRY, changes: dict[str, str] | None = None) -> Path:
        path = tmp_path / "a.cif"
        changed = text.replace(SYMMETRY, symmetry)
        for old, new in (changes or {}).items():
            assert old in changed
            changed = changed.replace(old, new)
        path.write_text(changed, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    "symmetry",
    [
        SYMMETRY,
        "_symmetry_space_group_name_Hall 'F 4d 2 3 -1d'\n",
        # A name that no table has counts for nothing beside the operations.
        "_symmetry_space_group_name_H-M 'F d -3 m S'\nOPERATIONS",
        "OPERATIONS",
    ],
)
def test_symmetry_is_understood_however_it_is_stated(silicon, symmetry):
    import gemmi

    group = gemmi.find_spacegroup_by_name("F d -3 m:1")
    listed = "".join(f"'{op.triplet()}'\n" for op in group.operations())
    text = symmetry.replace("OPERATIONS", f"loop_\n_space_group_symop_operation_xyz\n{listed}")
    crystal = read_cif(silicon(text))
    assert Counter(crystal.symbols) == {"Si": 8}


def test_operations_of_no_listed_group_count(silicon):
    # A cell moved by an eighth, which is in no table under this name.
    text = "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'x+1/2,y+1/2,z'\n'x+1/4,y+1/4,z+1/4'\n"
    with pytest.warns(UserWarning, match="Si3"):
        assert len(read_cif(silicon(text)).symbols) == 3


@pytest.mark.parametrize(
    ("symmetry", "words"),
    [
        ("_symmetry_space_group_name_H-M 'F d -3 m S'\n", "not known"),
        ("loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,nonsense'\n", "a.cif"),
    ],
)
def test_symmetry_that_cannot_be_right_is_refused(silicon, symmetry, words):
    with pytest.raises(CrystalError, match=words) as caught:
        read_cif(silicon(symmetry))
    assert "a.cif" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("symmetry", "words"),
    [
        # The second choice of origin puts twice as many atoms into the cell.
        ("_space_group_name_H-M_alt 'F d -3 m :2'\n", ["Si16"]),
        ("_symmetry_space_group_name_H-M 'F d -3 m'\n", ["two choices of origin", "Si16"]),
        ("_space_group_IT_number 227\n", ["two choices of origin"]),
        ("", ["Si1,"]),
    ],
)
def test_a_doubtful_origin_or_lost_symmetry_is_warned_of(silicon, symmetry, words):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_cif(silicon(symmetry))
    texts = [str(warning.message) for warning in caught]
    assert all(any(word in text for text in texts) for word in words), texts


def test_atoms_on_each_other_are_refused(silicon):
    sites = {"Si1 Si 0 0 0 1 0.46": "Si1 Si 0 0 0 1 0.46\nSi2 Si 0.1 0.1 0.1 1 0.46"}
    with pytest.raises(CrystalError, match=r"0\.94 Å apart"):
        read_cif(silicon(changes=sites))
    shared = {"Si1 Si 0 0 0 1 0.46": "Si1 Si 0 0 0 0.5 0.46\nSi2 Si 0.01 0 0 0.5 0.46"}
    with pytest.warns(UserWarning, match="formula"):
        read_cif(silicon(changes=shared))


def test_a_number_of_a_group_with_one_setting_is_enough(silicon):
    sites = {"Si1 Si 0 0 0 1": "Si1 Si 0.1 0.2 0.3 1"}
    with pytest.warns(UserWarning, match="formula"):
        crystal = read_cif(silicon("_space_group_IT_number 2\n", sites))
    assert len(crystal.symbols) == 2


def test_another_content_than_the_formula_is_warned_of(silicon):
    path = silicon(changes={"_chemical_formula_sum 'Si'": "_chemical_formula_sum 'Si C'"})
    with pytest.warns(UserWarning, match="formula Si C"):
        read_cif(path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1 0.46", "0 0.46", "occupancies"),
        ("1 0.46", "1.5 0.46", "occupancies"),
        ("1 0.46", "1 55", "Debye-Waller"),
        ("_cell_angle_gamma 90", "_cell_angle_gamma 180", "a.cif"),
        ("_cell_length_a 5.4309", "_cell_length_a 0", "a.cif"),
    ],
)
def test_impossible_values_name_the_file(silicon, old, new, words):
    with pytest.raises(CrystalError, match=re.escape(words)) as caught:
        read_cif(silicon(changes={old: new}))
    assert "a.cif" in str(caught.value)


def test_notes(repository):
    crystals = repository / "tests" / "data" / "crystals"
    assert read_cif_notes(crystals / "Si.cif").name == "Silicon"
    nitride = read_cif_notes(crystals / "GaN.cif")
    assert (nitride.name, nitride.formula) == (None, "GaN")
    assert nitride.without_b == {"Ga", "N"}
    assert read_cif_notes(crystals / "AlGaN.cif").formula == "Al0.3Ga0.7N"
    assert read_cif_notes(crystals / "ZrO2.cif").elements == ("O", "Zr")
