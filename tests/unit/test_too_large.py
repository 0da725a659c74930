"""A table that is too large: the message names what can be given where it was asked for."""

import pytest

from pacbed.lacbed.too_large import TableTooLargeError
from tests.cli_tools import RECIPE, fail, run

#: Of a crystal without much symmetry, along an axis of high indices.
WIDE = ("--zone-axis", "1 2 3", "--high-tension", 200, "--mistilt-max", 40, "--thickness-max", 500)


def test_a_recipe_has_entries(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wide = RECIPE.replace("[8.0, 10.0]", "[8.0, 60.0]").replace("[0.0, 1.0]", "[0.0, 60.0]")
    fine = wide.replace("direction_step_mrad = 1.0", "direction_step_mrad = 0.05")
    (tmp_path / "recipe.toml").write_text(fine, encoding="utf-8")
    line = fail("simulate", "recipe.toml")
    assert "recipe.toml: the table would" in line
    assert "thickness_nm in [system]" in line
    assert "a larger direction_step_mrad in [table]" in line


@pytest.mark.parametrize("command", ["infer", "add"])
def test_a_crystal_of_ones_own_has_options(tmp_path, monkeypatch, repository, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACBED_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PACBED_DATA", raising=False)
    cif = repository / "tests" / "data" / "crystals" / "ZrO2.cif"
    if command == "add":
        result = run("add", cif, *WIDE, "--convergence-max", 60)
    else:
        pattern = repository / "examples" / "sto-001-300kV_42nm.npy"
        result = run("infer", pattern, "--cif", cif, *WIDE, "--convergence", 55)
    assert result.exit_code == 2
    # What was understood stands before it.
    line = result.stderr.splitlines()[-1]
    assert "ZrO2.cif: the table would" in line
    assert "--mistilt-max or --thickness-max" in line
    assert "direction_step" not in line
    assert "[table]" not in line
    assert not (tmp_path / "data").exists()


def test_the_coarsest_step_is_named_where_it_is_known():
    error = TableTooLargeError("too much", coarser=True, coarsest_mrad=0.4)
    assert str(error).endswith("or a larger direction_step_mrad, up to 0.4")
    assert "larger" not in error.words(step=None)
    assert "larger" not in str(TableTooLargeError("too much"))
