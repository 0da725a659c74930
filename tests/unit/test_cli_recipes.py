"""``pacbed simulate``, ``train`` and ``reference``: from a recipe to files."""

import json
from pathlib import Path

import pytest

from pacbed.lacbed.table import LacbedTable
from pacbed.library.models.bundle import Bundle
from tests.cli_tools import RECIPE, fail, succeed

CIF = """data_x
_cell_length_a 3.905
_cell_length_b 3.905
_cell_length_c 3.905
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
"""
COMMANDS = (
    ("simulate", "-o", "table.npz"),
    ("train", "-o", "bundle"),
    ("reference", "--thickness", "10", "--convergence", "10", "-o", "reference.npz"),
)


@pytest.fixture(autouse=True)
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("recipe.toml")
    path.write_text(RECIPE, encoding="utf-8")
    return path


def _with_cif(recipe: Path, atoms: str) -> None:
    head, _, rest = RECIPE.partition("[crystal]")
    recipe.write_text(
        f'{head}[crystal]\ncif = "a.cif"\n[table]{rest.partition("[table]")[2]}', encoding="utf-8"
    )
    Path("a.cif").write_text(CIF + atoms, encoding="utf-8")


def test_simulate_writes_the_table(recipe):
    words = succeed("simulate", recipe)
    assert words.startswith("recipe.npz\n")
    table = LacbedTable.load(Path("recipe.npz"))
    assert table.geometry.high_tension_kV == 200
    assert table.geometry.convergence_max_mrad == 10
    assert table.geometry.thicknesses_nm[-1] >= 10


@pytest.mark.slow
def test_train_writes_a_bundle_and_resumes(recipe):
    succeed("simulate", recipe, "-o", "table.npz")
    arguments = ("train", recipe, "-o", "data/42/models/first", "--threads", 1)
    succeed(*arguments, "--table", "table.npz")
    bundle = Bundle.load(Path("data/42/models/first"))
    assert bundle.system.name == "recipe-001-200kV"
    log = Path("data/42/models/first/training/training.csv").read_text(encoding="utf-8")
    assert "loss" in log.splitlines()[0]
    assert "recipe-001-200kV" in succeed("systems", "--data", "data")

    assert "--resume" in fail(*arguments, "--table", "table.npz")
    assert "another" in fail(*arguments, "--table", "table.npz", "--resume", "--samples", 96)
    description = Path("data/42/models/first/bundle.json")
    description.unlink()
    succeed(*arguments, "--table", "table.npz", "--resume")
    assert json.loads(description.read_text(encoding="utf-8"))["system"]["id"] == 42


def test_train_refuses_the_table_of_another_system(recipe):
    succeed("simulate", recipe, "-o", "table.npz")
    other = Path("other.toml")
    for change in (
        ("high_tension_kV = 200.0", "high_tension_kV = 300.0"),
        ("convergence_mrad = [8.0, 10.0]", "convergence_mrad = [8.0, 20.0]"),
        ("cell = [3.905, 3.905", "cell = [3.9, 3.9"),
    ):
        other.write_text(RECIPE.replace(*change), encoding="utf-8")
        line = fail("train", other, "-o", "bundle", "--table", "table.npz")
        assert "table.npz" in line
        assert not Path("bundle").exists()


def test_train_refuses_broken_tables_and_a_file_in_place_of_the_folder(recipe):
    Path("table.npz").write_bytes(b"PK\3\4")
    assert "table.npz" in fail("train", recipe, "-o", "bundle", "--table", "table.npz")
    assert "recipe.toml" in fail("train", recipe, "-o", "recipe.toml")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("thickness_nm", "thicknes_nm"), "thicknes_nm"),
        (("[training]", "[trainning]"), "trainning"),
        (("g_max = 2.0", 'g_max = "two"'), "g_max"),
        (("[system]", "[system"), "TOML"),
        (('"Sr"', '"Qq"'), "Qq"),
        (("zone_axis = [0, 0, 1]", "zone_axis = [0, 1]"), "[system]"),
    ],
)
def test_bad_recipes(recipe, command, change, words):
    recipe.write_text(RECIPE.replace(*change, 1), encoding="utf-8")
    line = fail(command[0], recipe, *command[1:])
    assert words in line
    assert "recipe.toml" in line
    assert list(Path().iterdir()) == [recipe]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize(
    ("atoms", "words"), [("", "no atom"), ("Qq1 Qq 0 0 0\n", "Qq")], ids=["no atoms", "unknown"]
)
def test_bad_cif(recipe, command, atoms, words):
    _with_cif(recipe, atoms)
    line = fail(command[0], recipe, *command[1:])
    assert words in line
    assert "a.cif" in line
    assert {path.name for path in Path().iterdir()} == {"recipe.toml", "a.cif"}


def test_missing_recipe_and_unwritable_output(recipe):
    assert "none.toml" in fail("simulate", "none.toml", "-o", "table.npz")
    assert "table.csv" in fail("simulate", recipe, "-o", "table.csv")
    assert "nowhere" in fail("simulate", recipe, "-o", "nowhere/table.npz")
    assert list(Path().iterdir()) == [recipe]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("--thickness", "10,x"), "--thickness"),
        (("--thickness", "-5"), "thicknesses_nm"),
        (("--convergence", "0"), "convergence_mrad"),
        (("--sampling", "9"), "sampling"),
        (("-o", "reference.npy"), "reference.npy"),
    ],
)
def test_reference_with_senseless_options(recipe, changes, words):
    name, *rest = COMMANDS[2]
    assert words in fail(name, recipe, *rest, *changes)
    assert list(Path().iterdir()) == [recipe]
