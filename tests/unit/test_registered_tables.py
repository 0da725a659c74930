"""Registered systems and their tables: which serve, who waits for whom, and what lacks a model."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pacbed.commands.simulate.recipe_table import usable_table
from pacbed.errors import UnknownSystemError
from pacbed.lacbed.table import LacbedTable
from pacbed.library.changes import registration
from pacbed.library.changes.install import install_model
from pacbed.library.changes.register_changes import register_lock
from pacbed.library.changes.registration import register_recipe
from pacbed.library.installed import load_bundle
from pacbed.library.models.table_model import write_table_model
from pacbed.library.recipe import load_recipe
from tests.cli_tools import RECIPE, fail, run, succeed


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PACBED_DATA", raising=False)
    Path("recipe.toml").write_text(RECIPE, encoding="utf-8")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    from pacbed.commands.simulate.recipe_table import simulate_recipe

    path = tmp_path_factory.mktemp("table") / "recipe.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return simulate_recipe(load_recipe(path))


@pytest.mark.filterwarnings("always::UserWarning")
def test_a_table_that_cannot_be_read_is_simulated_again_with_a_word():
    succeed("simulate", "recipe.toml", "--data", "data")
    stored = Path("data/42/simulation/lacbed.npz")
    stored.write_bytes(b"x")
    result = run("simulate", "recipe.toml", "--data", "data")
    assert result.exit_code == 0
    assert "pacbed: warning: the table is simulated again: " in result.stderr
    assert "lacbed.npz" in result.stderr
    LacbedTable.load(stored)


def test_a_finer_table_serves_and_a_coarser_one_is_told_of(table):
    recipe = load_recipe(Path("recipe.toml"))
    table.save(Path("t.npz"))
    assert usable_table(Path("t.npz"), recipe) is not None
    coarse = replace(recipe, table=replace(recipe.table, direction_step_mrad=1.5))
    assert usable_table(Path("t.npz"), coarse) is not None
    fine = replace(recipe, table=replace(recipe.table, direction_step_mrad=0.5))
    with pytest.warns(UserWarning, match="simulated again: t.npz: is coarser"):
        assert usable_table(Path("t.npz"), fine) is None
    earlier = replace(table, provenance={**table.provenance, "version": "0.0.1"})
    earlier.save(Path("t.npz"))
    with pytest.warns(UserWarning, match="made by version 0.0.1"):
        assert usable_table(Path("t.npz"), recipe) is None
    assert usable_table(Path("none.npz"), recipe) is None


@pytest.mark.parametrize("registered", [False, True])
def test_nobody_waits_while_a_table_is_written(table, monkeypatch, registered):
    """Serialising and the disk take their time; the register is free meanwhile."""
    data, recipe = Path("data"), load_recipe(Path("recipe.toml"))
    data.mkdir()
    if registered:
        register_recipe(data, recipe)
    free = []
    write = registration.write_atomically

    def watched(path, content, *more):
        if len(content) > 1000 and content[:2] == b"PK":
            with register_lock(data, seconds=0.2):
                free.append(path)
        write(path, content, *more)

    monkeypatch.setattr(registration, "write_atomically", watched)
    found = register_recipe(data, recipe, table)
    assert len(free) == 1
    assert found.table.is_file()
    assert not list(data.glob(".incoming-*"))


def test_a_finished_model_waits_for_its_turn(table):
    """What took long to make is not given up because others change the register."""
    data, recipe = Path("data"), load_recipe(Path("recipe.toml"))
    found = register_recipe(data, recipe)
    folder = found.folder / "models" / "late"
    write_table_model(folder, found.recipe.system, table, {})
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with register_lock(data):
            held.set()
            leave.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(60)
    threading.Timer(0.5, leave.set).start()
    assert install_model(data, folder, seconds=60) == 0
    other.join()


def test_a_registered_system_without_a_model_is_said_to_be_just_that():
    succeed("simulate", "recipe.toml", "--data", "data")
    with pytest.raises(UnknownSystemError) as caught:
        load_bundle(42, Path("data"))
    words = str(caught.value)
    said = "system 42 (Strontium titanate) is registered in data, but has no model"
    assert words.startswith(said)
    assert "pacbed train data/42/recipe.toml --data data" in words
    assert "\n" not in words
    assert "is registered" in fail("infer", "x.npy", "--system", "42", "--convergence", 9)
    with pytest.raises(UnknownSystemError, match="system 43 is not installed"):
        load_bundle(43, Path("data"))
