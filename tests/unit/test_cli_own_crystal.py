"""Crystals from their structure files on the command line: infer, add, evaluate, cache."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pacbed.budget import kept
from pacbed.infer.judge.budget import usual_sensitivities
from pacbed.own_crystal import simulated_table
from pacbed.own_crystal.conditions import crystal_conditions
from pacbed.own_crystal.understood import understand
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise
from tests.cli_tools import fail, run, ship_only, succeed

CONDITIONS = ("--zone-axis", "1 1 0", "--high-tension", 200)
RANGES = ("--thickness-max", 25, "--mistilt-max", 3)
SILICON = ("--cif", "Si.cif", *CONDITIONS, *RANGES)
ZINC_BLENDE = """data_InGaAs
_cell_length_a 5.73
_cell_length_b 5.73
_cell_length_c 5.73
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'F -4 3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_B_iso_or_equiv
In1 In 0 0 0 0.2 0.71
Ga1 Ga 0 0 0 0.8 0.63
As1 As 0.25 0.25 0.25 1 0.58
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory, repository):
    """A pattern of silicon along [110], 15 nm thick, and the tables that were made for it."""
    folder = tmp_path_factory.mktemp("own")
    cif = repository / "tests" / "data" / "crystals" / "Si.cif"
    shutil.copy(cif, folder)
    patch = pytest.MonkeyPatch()
    patch.setenv("PACBED_CACHE", str(folder / "cache"))
    asked = crystal_conditions(cif, "1 1 0", 200, 12.0, 25.0, 3.0)
    table = simulated_table.table_model(understand(asked)).table
    patch.undo()
    parameters = PatternParameters(15.0, 1.2, -0.8, 12.0, 0.3, rotation_deg=20.0)
    pattern = synthesise(table, parameters, (128, 128))
    np.save(folder / "pattern.npy", np.float32(3e6 * pattern / pattern.sum()))
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch, shared):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PACBED_DATA", raising=False)
    shutil.copytree(shared / "cache", tmp_path / "cache")
    monkeypatch.setenv("PACBED_CACHE", str(tmp_path / "cache"))
    for name in ("Si.cif", "pattern.npy"):
        shutil.copy(shared / name, tmp_path)
    return tmp_path


@pytest.fixture
def nothing_is_simulated(monkeypatch):
    def simulate(*_arguments, **_more):
        raise AssertionError("the work began")

    monkeypatch.setattr(simulated_table, "simulate_table", simulate)


@pytest.mark.usefixtures("here", "nothing_is_simulated")
def test_a_crystal_answers_from_its_structure_file():
    result = run("infer", "pattern.npy", *SILICON, "--convergence", 12)
    assert result.exit_code == 0, result.stderr
    assert "Si, Fd-3m (227), cubic" in result.stderr
    assert "Si 0.46 Å² (from the CIF)" in result.stderr
    assert "si-110-200kV" in result.stdout
    # y is -c, which is 90° beyond x; the projection has a twofold axis.
    assert "+c points -70°" in result.stdout or "+c points 110°" in result.stdout
    answer = json.loads(succeed("infer", "pattern.npy", *SILICON, "--convergence", 12, "--json"))
    assert answer["status"] == "ok"
    assert answer["thickness_nm"] == pytest.approx(15, abs=0.3)
    assert answer["tilt_x_mrad"] == pytest.approx(1.2, abs=0.2)
    assert answer["directions"].startswith("+c points")


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_the_budget_of_a_crystal_is_measured_where_it_is_asked_for(monkeypatch):
    options = ("infer", "pattern.npy", *SILICON, "--convergence", 12)
    assert "with usual errors of a recipe" in succeed(*options)
    words = succeed(*options, "--budget")
    assert "with errors of the recipe" in words
    assert "Debye-Waller factors ± 20 %" in words
    assert "usual values" not in words
    # It is kept with the table.
    monkeypatch.setattr(kept, "measure_sensitivities", None)
    budget = json.loads(succeed(*options, "--budget", "--json"))["budget"]
    assert budget["measured"]
    parts = {part["name"]: part for part in budget["parts"]}
    # Of Si [110] 15 nm thick at 12 mrad.
    assert 0.05 < parts["potential"]["thickness_nm"] < 0.2
    assert 0.02 < parts["debye_waller"]["thickness_nm"] < 0.4
    assert not parts["potential"]["in_std"]
    assert json.loads(succeed(*options, "--json"))["budget"]["measured"]


@pytest.mark.usefixtures("here")
def test_several_structures_are_ranked():
    Path("phases").mkdir()
    shutil.copy("Si.cif", "phases/Si.cif")
    text = Path("Si.cif").read_text(encoding="utf-8")
    Path("phases/wide.cif").write_text(text.replace("5.4309", "5.9"), encoding="utf-8")
    options = (*CONDITIONS, *RANGES, "--convergence", 12, "--json")
    answer = json.loads(succeed("infer", "pattern.npy", "--candidates", "phases", *options))
    assert answer["system"] == "Si-si-110-200kV"
    assert [entry["system"] for entry in answer["ranking"]] == [
        "Si-si-110-200kV", "wide-si-110-200kV"
    ]  # fmt: skip
    Path("list.txt").write_text("# two\nphases/Si.cif\nphases\\wide.cif\n", encoding="utf-8")
    listed = json.loads(succeed("infer", "pattern.npy", "--candidates", "list.txt", *options))
    assert [e["system"] for e in listed["ranking"]] == [e["system"] for e in answer["ranking"]]


@pytest.mark.usefixtures("here", "nothing_is_simulated")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cif", "Si.cif"), "--zone-axis"),
        (("--cif", "Si.cif", "--zone-axis", "1 1 0"), "--high-tension"),
        (("--cif", "none.cif", *CONDITIONS), "none.cif"),
        (("--cif", "Si.cif", *CONDITIONS, "--system", "2"), "--system"),
        (("--cif", "Si.cif", *CONDITIONS, "--no-refine"), "--no-refine"),
        (("--cif", "Si.cif", "--candidates", ".", *CONDITIONS), "exclude each other"),
        (("--cif", "Si.cif", *CONDITIONS, "--b", "Si"), "like Si=0.46"),
        (("--cif", "Si.cif", *CONDITIONS, "--thickness-max", 1e5), "100000 nm"),
        (("--candidates", "nowhere", *CONDITIONS), "nowhere"),
        (("--candidates", "cache", *CONDITIONS), "names no structure"),
        (("--system", "2", "--b", "Si=1", "--convergence", 12), "--cif"),
    ],
)
def test_mistakes_are_one_line_before_any_work(options, words):
    assert words in fail("infer", "pattern.npy", *options)


@pytest.mark.usefixtures("here", "nothing_is_simulated")
def test_an_unreadable_pattern_shows_before_the_simulation():
    Path("broken.npy").write_bytes(b"x")
    assert "broken.npy" in fail("infer", "broken.npy", *SILICON[:-4], "--convergence", 20)


@pytest.mark.usefixtures("here")
def test_a_crystal_that_was_added_answers_everywhere(monkeypatch, tmp_path_factory):
    ranges = (*RANGES, "--convergence-min", 10.8, "--convergence-max", 13.2)
    words = succeed("add", "Si.cif", *CONDITIONS, *ranges, "--name", "mine")
    assert words.startswith("4 mine\n")
    assert "new row" in words
    listed = {e["name"]: e for e in json.loads(succeed("systems", "--json"))}
    assert listed["mine"]["model"] == "table"
    assert listed["mine"]["material"] == "Silicon"
    words = succeed("infer", "pattern.npy", "--system", "mine", "--convergence", 12)
    assert "+c points" in words
    with monkeypatch.context() as few:
        ship_only(few, tmp_path_factory.mktemp("shipped"), "sto-001-200kV")
        answer = json.loads(
            succeed("infer", "pattern.npy", "--system", "any", "--convergence", 12, "--json")
        )
    assert answer["system"] == "mine"
    assert "sto-001-200kV" in {entry["system"] for entry in answer["ranking"]}
    with monkeypatch.context() as quick:
        quick.setattr(kept, "measure_sensitivities", lambda *given: usual_sensitivities())
        assert "potential ± 1 %" in succeed("budget", "mine")
        told = json.loads(succeed("budget", "mine", "--json"))
    assert len(told["changes"]) == 4
    answer = json.loads(succeed("infer", "pattern.npy", "--system", "mine", "--json"))
    assert answer["budget"]["measured"]
    assert "its crystal is not in the data folder" in fail("budget", "sto-001-80kV")
    # The same once more is the same system.
    assert "registered already" in succeed("add", "Si.cif", *CONDITIONS, *ranges, "--name", "mine")
    # A training later takes the table that is there.
    from pacbed.commands.simulate.recipe_table import usable_table
    from pacbed.library.changes.install import prepare_model
    from pacbed.library.recipe import load_recipe

    recipe = load_recipe(Path("data/4/recipe.toml"))
    place = prepare_model(Path("data"), recipe)
    assert place.recipe.system.id == 4
    assert usable_table(place.table, place.recipe) is not None


@pytest.mark.usefixtures("here", "nothing_is_simulated")
def test_an_evaluation_takes_structure_files():
    header = "path,cif,high_tension_kV,zone_axis,thickness_min_nm,thickness_max_nm"
    more = ",convergence_mrad,mrad_per_pixel"
    line = "pattern.npy,Si.cif,200,1 1 0,14.5,15.5"
    Path("labels.csv").write_text(f"{header}{more}\n{line},12,0.3\n", encoding="utf-8")
    patch = pytest.MonkeyPatch()
    try:
        # Of the ranges that this test has a table for.
        patch.setattr("pacbed.own_crystal.conditions.crystal_conditions", _narrow)
        found = json.loads(succeed("evaluate", "labels.csv", "--json"))
    finally:
        patch.undo()
    assert found["patterns"][0]["error_nm"] == 0
    assert found["patterns"][0]["mrad_per_pixel"] == pytest.approx(0.3, rel=0.02)


def _narrow(cif, axis, high_tension, span):
    assert span == pytest.approx((10.8, 13.2))
    return crystal_conditions(cif, axis, high_tension, 12.0, 25.0, 3.0)


@pytest.mark.usefixtures("nothing_is_simulated")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("Si.cif", "../Si.cif"), "outside the folder of the table"),
        (("Si.cif", "none.cif"), "no file"),
        (("Si.cif", ""), "not at all"),
        (("1 1 0", "0 0 0"), "no direction"),
        (("200", "5"), "line 2"),
        (("cif", "other"), "material and cif"),
    ],
)
def test_an_evaluation_refuses_in_one_line(here, changes, words):
    shutil.copy("Si.cif", here.parent / "Si.cif")
    text = (
        "path,cif,high_tension_kV,zone_axis,thickness_min_nm,thickness_max_nm\n"
        "pattern.npy,Si.cif,200,1 1 0,14.5,15.5\n"
    )
    header, line = text.splitlines()
    if changes[0] == "cif":
        header = header.replace(*changes)
    else:
        line = line.replace(*changes)
    Path("labels.csv").write_text(f"{header}\n{line}\n", encoding="utf-8")
    assert words in fail("evaluate", "labels.csv")


@pytest.mark.usefixtures("here")
def test_the_cache_is_listed_and_cleared():
    words = succeed("cache")
    assert "si-110-200kV" in words
    assert "10.8-13.2" in words
    assert json.loads(succeed("cache", "--json"))["tables"][0]["system"]["name"] == "si-110-200kV"
    assert "tables  1" in succeed("cache", "size")
    assert "0 tables" in succeed("cache", "clear", "--older-than", "1d")
    assert "--older-than" in fail("cache", "clear", "--older-than", "soon")
    assert "1 tables" in succeed("cache", "clear")
    assert "tables  0" in succeed("cache", "size")


def test_a_recipe_says_factors_and_filling_of_the_structure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("InGaAs.cif").write_text(ZINC_BLENDE, encoding="utf-8")
    words = succeed("recipe", "InGaAs.cif", *CONDITIONS)
    assert "In0.2Ga0.8As, 8 sites" not in words
    assert "In0.2Ga0.8As, 12 sites" in words
    assert "partly filled: Ga 0.8, In 0.2" in words
    assert "In 0.71 Å² (from the CIF)" in words
    assert "at rotation 0: x (right) = [1-10], y (down) = -c" in words
