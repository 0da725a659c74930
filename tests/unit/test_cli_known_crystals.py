"""Known crystals on the command line: listed, added whole, asked, and written as a recipe."""

import json
from pathlib import Path

import numpy as np
import pytest

import pacbed
from pacbed.library.recipe import load_recipe
from tests.cli_tools import fail, run, ship_only, succeed

#: Small enough to be simulated in a second.
SMALL = (
    "--high-tension", 200, "--convergence-min", 7, "--convergence-max", 8, "--thickness-max", 12,
    "--mistilt-max", 1,
)  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PACBED_DATA", raising=False)
    monkeypatch.setenv("PACBED_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_the_list_is_searched_and_one_alone_is_shown_with_its_sources():
    every = succeed("crystals")
    assert len(every.splitlines()) == 1 + len(pacbed.known_crystals())
    shown = succeed("crystals", "gallium", "nitride")
    assert "GaN" in shown
    assert "Ga 0.3333 0.6667 0.0000, B 0.3 Å²" in shown
    assert "Solid State Commun. 23 (1977) 815" in shown
    assert "filled 0.7" in succeed("crystals", "LSMO")
    entries = json.loads(succeed("crystals", "TiO2", "--json"))
    assert [entry["name"] for entry in entries] == ["anatase", "rutile"]
    assert entries[0]["zone_axes"][0] == {"axis": "1 0 0", "known_as": ""}
    assert "no known crystal fits unobtainium" in fail("crystals", "unobtainium")


@pytest.mark.parametrize(
    ("name", "axis", "system"),
    [("Al", "0 0 1", "al-001-200kV"), ("bto", "1 0 0", "batio3-100-200kV")],
)
def test_a_known_crystal_is_added_whole_and_answers(name, axis, system, monkeypatch, tmp_path):
    ship_only(monkeypatch, tmp_path)
    result = run("add", name, "--zone-axis", axis, *SMALL, "--data", "data")
    assert result.exit_code == 0, result.stderr
    assert "a known crystal" in result.stderr
    assert "an estimate" in result.stderr
    assert system in result.stdout
    (folder,) = (path for path in Path("data").iterdir() if path.is_dir())
    assert "_pacbed_structure_source" in (folder / "crystal_file.cif").read_text("utf-8")
    again = run("add", name, "--zone-axis", axis, *SMALL, "--data", "data")
    assert "registered already" in again.stdout
    succeed(
        "pattern", "--system", system, "--thickness", 9, "--convergence", 7.5, "--data", "data",
        "--output", "p.npy",
    )  # fmt: skip
    answer = json.loads(succeed("infer", "p.npy", "--system", system, "--data", "data", "--json"))
    assert answer["thickness_nm"] == pytest.approx(9, abs=0.5)


def test_the_pattern_of_the_independent_engine_is_answered_by_name(repository):
    folder = repository / "tests" / "data" / "known_crystals"
    pair = json.loads((folder / "pairs.json").read_text("utf-8"))["GaN"]
    plan = pair["plan"]
    answer = json.loads(
        succeed(
            "infer", folder / "GaN.npy", "--cif", "GaN", "--zone-axis", plan["zone_axis"],
            "--high-tension", plan["high_tension_kV"], "--convergence", plan["convergence_mrad"],
            "--thickness-max", 30, "--mistilt-max", 2, "--json",
        )
    )  # fmt: skip
    assert answer["status"] == "ok"
    assert answer["thickness_nm"] == pytest.approx(pair["thickness_nm"], abs=0.5)
    off = np.hypot(
        answer["tilt_x_mrad"] - plan["tilt_mrad"][0], answer["tilt_y_mrad"] - plan["tilt_mrad"][1]
    )
    assert off < 0.2


def test_a_recipe_of_a_known_crystal_has_its_cif_beside_it():
    succeed("recipe", "GaN", "--zone-axis", "0 0 0 1", "--high-tension", 300, "-o", "gan.toml")
    recipe = load_recipe(Path("gan.toml"))
    assert recipe.crystal.formula == "GaN"
    assert recipe.cif == Path("GaN.cif")
    assert recipe.system.material == "Gallium nitride, wurtzite"


def test_a_name_that_is_unknown_is_one_line():
    words = fail("add", "Unobtainium", "--zone-axis", "0 0 1", *SMALL)
    assert "is no file, and no known crystal" in words
    words = fail(
        "infer", "p.npy", "--candidates", "GaN,Unobtainium", "--zone-axis", "0 0 1",
        "--high-tension", 200,
    )  # fmt: skip
    assert "Unobtainium: is no file" in words
