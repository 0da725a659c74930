"""The crystals that come with the program: structures, names, search, and their test pairs."""

import itertools
import json
import re
import warnings

import gemmi
import numpy as np
import pytest

import pacbed
from pacbed.crystal.cif import read_cif, read_cif_notes
from pacbed.crystal.known.as_cif import crystal_as_cif
from pacbed.crystal.known.catalogue import known_crystals, search, structure_path
from pacbed.crystal.known.entry import parse_crystal
from pacbed.crystal.projection import project
from pacbed.crystal.space_group import space_group_words
from pacbed.errors import CrystalError
from pacbed.library.zone_axis import parse_zone_axis

#: Formula, number of the space group, sites of the cell (those that share a place count each),
#: density in g/cm³ as handbooks and X-ray work have it, shortest distance and between what.
#: The polar HfO2 is known from films alone; its density is that of their published cells.
EXPECTED = {
    "Al": ("Al", 225, 4, 2.70, 2.86, "Al-Al"),
    "AlAs": ("AlAs", 216, 8, 3.73, 2.45, "Al-As"),
    "AlN": ("AlN", 186, 4, 3.26, 1.89, "Al-N"),
    "anatase": ("TiO2", 141, 12, 3.89, 1.93, "O-Ti"),
    "Au": ("Au", 225, 4, 19.3, 2.88, "Au-Au"),
    "BaTiO3": ("BaTiO3", 99, 5, 6.02, 1.83, "O-Ti"),
    "beta-Ga2O3": ("Ga2O3", 12, 20, 5.95, 1.83, "Ga-O"),
    "BiFeO3": ("BiFeO3", 161, 30, 8.34, 1.94, "Fe-O"),
    "CdTe": ("CdTe", 216, 8, 5.85, 2.81, "Cd-Te"),
    "CeO2": ("CeO2", 225, 12, 7.22, 2.34, "Ce-O"),
    "Cu": ("Cu", 225, 4, 8.94, 2.56, "Cu-Cu"),
    "diamond": ("C", 227, 8, 3.515, 1.54, "C-C"),
    "DyScO3": ("DyScO3", 62, 20, 6.9, 2.07, "O-Sc"),
    "GaAs": ("GaAs", 216, 8, 5.32, 2.45, "As-Ga"),
    "GaN": ("GaN", 186, 4, 6.15, 1.95, "Ga-N"),
    "GaP": ("GaP", 216, 8, 4.13, 2.36, "Ga-P"),
    "Ge": ("Ge", 227, 8, 5.32, 2.45, "Ge-Ge"),
    "HfO2": ("HfO2", 14, 12, 10.1, 2.03, "Hf-O"),
    "HfO2-orthorhombic": ("HfO2", 29, 12, 10.5, 2.03, "Hf-O"),
    "InAs": ("InAs", 216, 8, 5.67, 2.62, "As-In"),
    "InN": ("InN", 186, 4, 6.81, 2.15, "In-N"),
    "InP": ("InP", 216, 8, 4.79, 2.54, "In-P"),
    "LaAlO3": ("LaAlO3", 167, 30, 6.52, 1.90, "Al-O"),
    "LaNiO3": ("LaNiO3", 167, 30, 7.22, 1.935, "Ni-O"),
    "LiNbO3": ("LiNbO3", 161, 30, 4.64, 1.88, "Nb-O"),
    "LSMO": ("La0.7Sr0.3MnO3", 167, 36, 6.4, 1.955, "Mn-O"),
    "MgO": ("MgO", 225, 8, 3.58, 2.11, "Mg-O"),
    "MoS2": ("MoS2", 194, 6, 5.06, 2.42, "Mo-S"),
    "NaNbO3": ("NaNbO3", 57, 40, 4.58, 1.88, "Nb-O"),
    "NdGaO3": ("NdGaO3", 62, 20, 7.57, 1.98, "Ga-O"),
    "PbTiO3": ("PbTiO3", 99, 5, 7.97, 1.78, "O-Ti"),
    "PrScO3": ("PrScO3", 62, 20, 5.9, 2.09, "O-Sc"),
    "Pt": ("Pt", 225, 4, 21.45, 2.77, "Pt-Pt"),
    "rutile": ("TiO2", 136, 6, 4.25, 1.95, "O-Ti"),
    "Si": ("Si", 227, 8, 2.329, 2.35, "Si-Si"),
    "SrTiO3": ("SrTiO3", 221, 5, 5.12, 1.95, "O-Ti"),
    "WSe2": ("WSe2", 194, 6, 9.32, 2.53, "Se-W"),
    "ZnO": ("ZnO", 186, 4, 5.67, 1.98, "O-Zn"),
    "ZrO2": ("ZrO2", 14, 12, 5.82, 2.05, "O-Zr"),
}
NAMES = sorted(EXPECTED)
_SHIFTS = np.array(list(itertools.product((-1, 0, 1), repeat=3)))


def by_name(name):
    return next(one for one in known_crystals() if one.name == name)


def shortest(crystal):
    """Shortest distance between two atoms that are not of one place, and their elements."""
    best = (np.inf, "")
    for first, place in zip(crystal.symbols, crystal.positions, strict=True):
        away = (crystal.positions - place)[:, None] + _SHIFTS
        distances = np.linalg.norm(away @ crystal.cell, axis=-1)
        distances[distances < 0.1] = np.inf
        other = int(distances.min(axis=1).argmin())
        pair = "-".join(sorted((first, crystal.symbols[other])))
        best = min(best, (float(distances.min()), pair))
    return best


def test_every_crystal_of_the_list_is_there_and_no_other():
    assert [one.name for one in known_crystals()] == sorted(EXPECTED, key=str.lower)
    assert len(EXPECTED) >= 38


@pytest.mark.parametrize("name", NAMES)
def test_the_structure_is_what_it_is_called(name):
    formula, group, sites, density, distance, between = EXPECTED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a missing factor, another formula, a doubtful origin
        crystal = read_cif(structure_path(name))
    assert crystal.formula == formula == by_name(name).formula
    assert f"({group})" in space_group_words(crystal)
    assert len(crystal.symbols) == sites
    weights = [gemmi.Element(symbol).weight for symbol in crystal.symbols]
    found = float(weights @ crystal.occupancies) / crystal.volume / 0.602214
    assert found == pytest.approx(density, rel=0.02)
    nearest, pair = shortest(crystal)
    assert pair == between
    assert nearest == pytest.approx(distance, abs=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_sources_and_axes_can_be_used(name):
    known = by_name(name)
    # A reference has a year; what has none must say that it is an estimate, or needs no reference.
    for source in (known.source, known.b_source):
        assert re.search(r"\(\d{4}\)|, \d{4}\)|estimated|CODATA|commonly used", source), source
    crystal = read_cif(structure_path(name))
    for axis in known.zone_axes:
        assert project(crystal, parse_zone_axis(axis.axis)).area < 400
    first = project(crystal, parse_zone_axis(known.zone_axes[0].axis))
    assert first.area < 90  # quick to simulate


def test_perovskites_look_pseudocubic_where_it_says_so():
    for known in known_crystals():
        for axis in known.zone_axes:
            if axis.known_as not in ("pseudocubic [001]", "pseudocubic [100]"):
                continue
            crystal = read_cif(structure_path(known.name))
            oxygen = sum(symbol == "O" for symbol in crystal.symbols)
            edge = (crystal.volume / (oxygen / 3)) ** (1 / 3)
            direction = np.array(parse_zone_axis(axis.axis)) @ crystal.cell
            periods = float(np.linalg.norm(direction)) / edge
            assert periods == pytest.approx(round(periods), abs=0.06), (known.name, axis)


def test_names_are_found_in_every_spelling_and_belong_to_one():
    assert structure_path("gan").stem == structure_path("Gallium Nitride, wurtzite").stem == "GaN"
    assert structure_path("β-Ga2O3") == structure_path("beta-ga2o3") == structure_path("Ga2O3")
    spellings = [
        re.sub("[^a-z0-9]", "", name.lower())
        for one in known_crystals()
        for name in {one.name, one.title, *one.also}
    ]
    doubled = {name for name in spellings if spellings.count(name) > 1}
    # A title may repeat a name of the same crystal; nothing may lead to two.
    assert all(len({str(structure_path(name))}) == 1 for name in doubled)


def test_a_file_goes_before_a_known_crystal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "GaN").write_text("data_x\n", encoding="utf-8")
    assert structure_path("GaN") == structure_path("./GaN")
    assert str(structure_path("none.cif")) == "none.cif"
    assert str(structure_path("folder/Si")) == "folder/Si"


def test_a_name_that_nobody_has_is_told_with_what_is_near():
    with pytest.raises(CrystalError, match=r'Gal: is no file.*near it: .*GaN.*"pacbed crystals"'):
        structure_path("Gal")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["TiO2"], ["anatase", "rutile"]),
        (["Ga", "O"], ["beta-Ga2O3", "NdGaO3"]),
        (["nitride"], ["AlN", "GaN", "InN"]),
        (["GaN"], ["GaN"]),  # not the manganite
        (["zinc blende"], ["AlAs", "CdTe", "GaAs", "GaP", "InAs", "InP"]),
        (["Hf", "monoclinic"], ["HfO2"]),
        (["Xe"], []),
        (["["], []),
    ],
)
def test_search_by_name_formula_and_element(words, found):
    assert [one.name for one in search(words)] == found


def test_the_public_list_is_the_catalogue():
    assert pacbed.known_crystals() is known_crystals()


def test_a_crystal_reads_back_from_its_cif(tmp_path):
    path = tmp_path / "LSMO.cif"
    path.write_text(crystal_as_cif(by_name("LSMO")), encoding="utf-8")
    written, own = read_cif(path), read_cif(structure_path("LSMO"))
    assert written.symbols == own.symbols
    np.testing.assert_allclose(written.positions, own.positions, atol=1e-9)
    said = read_cif_notes(path)
    assert "Radaelli" in said.source
    assert "oxygen's" in said.source  # quoted though it has a quote
    assert said.b_source.startswith("estimated")


GOOD = """
name = "x"
formula = "Cu"
title = "Copper"
space_group = "F m -3 m"
cell = [3.6, 3.6, 3.6, 90, 90, 90]
zone_axes = [{ axis = "0 0 1" }]
source = "s"
b_source = "estimated"
sites = [{ element = "Cu", position = [0, 0, "0/1"], b_iso = 0.5 }]
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('formula = "Cu"\n', "", "no formula"),
        ('name = "x"', 'name = "x"\nmore = 1', "unknown entry 'more'"),
        ("3.6, 3.6, 3.6, 90, 90, 90", "3.6", "six numbers"),
        ('"Cu", position', '"Qq", position', "is no element"),
        ('[0, 0, "0/1"]', "[0, 0]", "three numbers"),
        ('"0/1"', '"1/0"', "no fraction"),
        ("b_iso = 0.5", "b_iso = 50", "between 0 and 20"),
        ("b_iso = 0.5", "b_iso = true", "holds numbers"),
        ('title = "Copper"', 'title = "a\\nb"', "one line of text"),
        ("sites = [", "sites = 3 # [", "is a list"),
        ('[{ axis = "0 0 1" }]', '["0 0 1"]', "each of zone_axes"),
        ('name = "x"', "name", "not valid TOML"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_name(tmp_path, old, new, words):
    assert old in GOOD
    path = tmp_path / "own.toml"
    with pytest.raises(CrystalError, match=rf"own\.toml: .*{re.escape(words)}"):
        parse_crystal(path, GOOD.replace(old, new).encode())


def test_an_own_toml_is_a_structure_file_and_its_space_group_must_be_known(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert len(read_cif(path).symbols) == 4
    path.write_text(GOOD.replace("F m -3 m", "F m 9"), encoding="utf-8")
    with pytest.raises(CrystalError, match='space group "F m 9" is not known'):
        read_cif(path)


def test_every_crystal_has_a_test_pair_that_was_passed(repository):
    folder = repository / "tests" / "data" / "known_crystals"
    pairs = json.loads((folder / "pairs.json").read_text("utf-8"))
    page = (repository / "docs" / "known-crystals.md").read_text("utf-8")
    assert sorted(pairs) == NAMES
    for name, pair in pairs.items():
        assert pair["plan"]["zone_axis"] == by_name(name).zone_axes[0].axis
        assert abs(pair["error_nm"]) <= 0.5
        assert pair["error_mrad"] <= 0.2
        pattern = np.load(folder / f"{name}.npy", allow_pickle=False)
        assert pattern.sum() > 1e6
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert f"| {pair['error_nm']:+.2f} | {pair['error_mrad']:.2f} | {pair['status']} |" in row
