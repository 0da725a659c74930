"""``pacbed recipe``: from a CIF to a recipe."""

import shutil
import warnings
from pathlib import Path

import pytest

from pacbed.crystal.projection import project
from pacbed.library.recipe import load_recipe
from tests.cli_tools import fail, run, succeed

SILICON = ("recipe", "Si.cif", "--zone-axis", "1 1 0", "--high-tension", "200")
NITRIDE = ("recipe", "GaN.cif", "--zone-axis", "0 0 0 1", "--high-tension", "300")


@pytest.fixture(autouse=True)
def _crystals(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (repository / "tests" / "data" / "crystals").glob("*.cif"):
        shutil.copy(path, path.name)


def test_silicon():
    words = succeed(*SILICON)
    assert words.startswith("si-110-200kV.toml\n")
    assert "8 sites in 160.2" in words
    recipe = load_recipe(Path("si-110-200kV.toml"))
    system = recipe.system
    assert (system.id, system.name, system.material) == (4, "si-110-200kV", "Silicon")
    assert (system.composition, system.zone_axis) == ("Si", (1, 1, 0))
    assert system.convergence_mrad == (10, 30)
    assert recipe.crystal.b_iso == pytest.approx([0.46] * 8)
    assert recipe.training.samples == 300_000


def test_options():
    succeed(
        *SILICON, "--convergence", "15:25", "--thickness", "2:80", "--mistilt", "8",
        "--b", "Si=0.5", "--name", "mine", "--material", 'A "good" one', "--samples", "1000",
        "-o", "x.toml",
    )  # fmt: skip
    recipe = load_recipe(Path("x.toml"))
    assert recipe.system.convergence_mrad == (15, 25)
    assert recipe.system.thickness_nm == (2, 80)
    assert recipe.system.mistilt_mrad == (0, 8)
    assert (recipe.system.name, recipe.system.material) == ("mine", 'A "good" one')
    assert recipe.crystal.b_iso == pytest.approx([0.5] * 8)
    assert recipe.training.samples == 1000


def test_missing_debye_waller_factors_are_written_as_defaults_with_a_warning():
    result = run(*NITRIDE, "--b", "N=0.35")
    assert result.exit_code == 0
    assert "Debye-Waller factor for Ga:" in result.stderr
    text = Path("gan-0001-300kV.toml").read_text(encoding="utf-8")
    assert "# Ga: not in the CIF, a default. LOOK IT UP.\n" in text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recipe = load_recipe(Path("gan-0001-300kV.toml"))
    assert dict(zip(recipe.crystal.symbols, recipe.crystal.b_iso, strict=True)) == {
        "Ga": 0.5,
        "N": 0.35,
    }


@pytest.mark.parametrize(
    ("cif", "axis", "expected", "operations", "name"),
    [
        ("GaN.cif", "0 0 0 1", (0, 0, 1), 12, "gan-0001"),
        ("GaN.cif", "11-20", (1, 1, 0), 2, "gan-11m20"),
        ("GaN.cif", "1 0 -1 0", (2, 1, 0), 2, "gan-10m10"),
        ("ZrO2.cif", "0 1 0", (0, 1, 0), 2, "zro2-010"),
        ("ZrO2.cif", "[1 0 0]", (1, 0, 0), 4, "zro2-100"),
        ("AlGaN.cif", "0001", (0, 0, 1), 12, "algan-0001"),
    ],
)
def test_hexagonal_monoclinic_and_partly_filled_crystals(cif, axis, expected, operations, name):
    assert run("recipe", cif, "--zone-axis", axis, "--high-tension", "300").exit_code == 0
    recipe = load_recipe(Path(f"{name}-300kV.toml"))
    assert recipe.system.zone_axis == expected
    cell = project(recipe.crystal, recipe.system.zone_axis)
    assert len(cell.point_group) == operations
    # What lies in the projected cell is what lies in the crystal, per volume.
    per_volume = recipe.crystal.occupancies.sum() / recipe.crystal.volume
    assert cell.weights.sum() / cell.area == pytest.approx(per_volume)


def test_the_formula_of_partly_filled_sites_is_that_of_the_cif():
    assert run("recipe", "AlGaN.cif", "--zone-axis", "0001", "--high-tension", "80").exit_code == 0
    assert load_recipe(Path("algan-0001-80kV.toml")).system.composition == "Al0.3Ga0.7N"


def test_the_next_number_of_a_data_folder_and_a_cif_from_elsewhere():
    Path("data").mkdir()
    Path("data/Register.csv").write_text("id;path\n11;data\\11\n", encoding="utf-8")
    Path("there").mkdir()
    succeed(*SILICON, "--data", "data", "-o", "there/si.toml")
    assert load_recipe(Path("there/si.toml")).system.id == 12
    Path("there/Si.cif").write_text("data_other", encoding="utf-8")
    assert "another file" in fail(*SILICON, "-o", "there/again.toml")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("--zone-axis", "1 1"), "three whole numbers"),
        (("--zone-axis", "0 0 0"), "no direction"),
        (("--zone-axis", "0 0 1 1"), "u + v + t"),
        (("--convergence", "30:10"), "--convergence"),
        (("--thickness", "thin"), "--thickness"),
        (("--b", "Si"), "like Si=0.46"),
        (("--b", "Ge=1"), "has no Ge"),
        (("--b", "Si=-1"), "Debye-Waller"),
        (("--name", "7"), "cannot be used"),
        (("-o", "x.json"), ".toml"),
        (("-o", "nowhere/x.toml"), "nowhere"),
    ],
)
def test_mistakes(changes, words):
    before = set(Path().iterdir())
    assert words in fail(*SILICON, *changes)
    assert set(Path().iterdir()) == before


def test_a_recipe_is_not_overwritten():
    succeed(*SILICON)
    assert "there already" in fail(*SILICON)
