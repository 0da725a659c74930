"""Recipes: what they accept and how they refuse."""

import re

import pytest

from pacbed.errors import CrystalError, RecipeError
from pacbed.library.recipe import load_recipe


@pytest.fixture
def text(repository):
    return (repository / "recipes" / "sto-001-300kV.toml").read_text()


@pytest.mark.parametrize(
    ("name", "number", "atoms"),
    [
        ("rutile-001-80kV", 0, 6),
        ("sto-001-80kV", 1, 5),
        ("sto-001-200kV", 2, 5),
        ("sto-001-300kV", 3, 5),
    ],
)
def test_shipped_recipes(repository, name, number, atoms):
    recipe = load_recipe(repository / "recipes" / f"{name}.toml")
    assert (recipe.system.id, recipe.system.name) == (number, name)
    assert len(recipe.crystal.symbols) == atoms
    assert recipe.system.convergence_mrad == (10, 30)
    assert recipe.system.thickness_nm == (1, 120)
    assert recipe.system.mistilt_mrad == (0, 12)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("high_tension_kV", "high_tensoin_kV", "unknown entry 'high_tensoin_kV'"),
        ("[training]", "[trainign]", "unknown entry 'trainign'"),
        ("samples", "sampels", "unknown entry 'sampels'"),
        ("high_tension_kV = 300.0", "", "lacks high_tension_kV"),
        ("id = 3", 'id = "3"', "whole number"),
        ("id = 3", "id = -3", "whole number"),
        ("zone_axis = [0, 0, 1]", "zone_axis = [0, 1]", "wrong value|whole numbers"),
        ("thickness_nm = [1.0, 120.0]", "thickness_nm = [120.0, 1.0]", "smallest, largest"),
        ("samples = ", "samples = -", "not negative"),
        ('name = "sto-001-300kV"', 'name = "../sto"', "letters, digits"),
        ("[system]", "[system", "not valid TOML"),
        ("cell = [", 'cif = "../../secret.cif"\ncell = [', "beside the recipe"),
    ],
)
def test_mistakes(tmp_path, text, old, new, message):
    assert old in text
    path = tmp_path / "bad.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert re.search(message, str(caught.value))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_crystal_mistakes(tmp_path, text):
    path = tmp_path / "bad.toml"
    path.write_text(text.replace("b_iso = 0.62", "b_iso = -1.0"))
    with pytest.raises(CrystalError, match=r"bad\.toml.*Debye-Waller"):
        load_recipe(path)


def test_missing_file(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path / "none.toml")
