"""``pacbed systems``: the list, ``remove`` and ``rename``."""

import json
from pathlib import Path

import pytest

from pacbed.earlier.folder import load_earlier
from pacbed.earlier.places import earlier_folders
from pacbed.errors import BundleError
from pacbed.library.changes.install import check_model_name, install_model, prepare_model
from pacbed.library.changes.register_changes import add_model, register_lock
from pacbed.library.models.bundle import Bundle
from pacbed.library.recipe import load_recipe
from pacbed.library.register.rows import read_register, register_models
from tests.cli_tools import RECIPE, fail, make_data_folder, run, succeed
from tests.label_tools import make_earlier_folder


@pytest.fixture
def data(tmp_path, small_table, monkeypatch):
    """A data folder with a bundle (system 41) and a registered recipe (system 42)."""
    monkeypatch.chdir(tmp_path)
    Path("recipe.toml").write_text(RECIPE, encoding="utf-8")
    folder = tmp_path / "data"
    folder.mkdir()
    make_data_folder(folder, small_table)
    prepare_model(folder, load_recipe(Path("recipe.toml")))
    return folder


def test_a_bare_call_lists(data):
    words = succeed("systems", "--data", data)
    assert words.splitlines()[-3].split()[0] == "41"
    assert words.endswith("registered, no model yet\n    42 Strontium titanate\n")
    assert json.loads(succeed("systems", "--json", "--data", data))[-1]["id"] == 41


def test_remove_asks_first(data):
    result = run("systems", "remove", 42, "--data", data)
    assert result.exit_code == 1
    assert "Strontium titanate" in result.stderr
    assert (data / "42").is_dir()
    assert "system 42 removed" in succeed("systems", "remove", 42, "--data", data, "--yes")
    assert not (data / "42").exists()
    assert read_register(data) == []
    assert "no system 42" in fail("systems", "remove", 42, "--data", data, "--yes")


def test_a_bundle_without_a_row_is_removed_too(data):
    succeed("systems", "remove", 41, "--data", data, "--yes")
    assert not (data / "41").exists()
    assert len(read_register(data)) == 1


@pytest.mark.parametrize("command", [("remove", 2), ("rename", 2, "mine")])
def test_shipped_systems_stay(data, command):
    assert "comes with the program" in fail("systems", *command, "--data", data)


def test_a_data_folder_must_be_named(data):
    result = run("systems", "remove", 42)
    assert result.exit_code == 2
    assert "--data" in result.stderr
    assert "no folder" in fail("systems", "remove", 42, "--data", "no folder")


def test_rename_a_bundle_and_a_recipe(data):
    succeed("systems", "rename", 41, "first-name", "--data", data)
    assert Bundle.load(data / "41" / "models" / "test").system.name == "first-name"
    assert "first-name" in succeed("systems", "--data", data)
    assert read_register(data)[0].name is None

    succeed("systems", "rename", 42, "second_name", "--data", data)
    assert load_recipe(data / "42" / "recipe.toml").system.name == "second_name"
    # The recipe that it came from is known all the same.
    assert prepare_model(data, load_recipe(Path("recipe.toml"))).recipe.system.name == "second_name"


def test_a_system_of_the_earlier_kind_gets_a_column_for_its_name(data):
    make_earlier_folder(data, ".h5")
    succeed("systems", "rename", 7, "old-titanate", "--data", data)
    assert [row.name for row in read_register(data)] == [None, "old-titanate"]
    (line,) = [
        text for text in (data / "Register.csv").read_text().splitlines() if text[:2] == "7;"
    ]
    assert line.startswith("7;data\\7;Strontium Titanate;SrTiO3;")
    (found,) = earlier_folders(data)[0]
    # Converted models need no extra, and are not opened for their names.
    (found.folder / "Small_Thickness.onnx").touch()
    assert load_earlier(found, (".onnx",)).system.name == "old-titanate"


@pytest.mark.parametrize("name", ["", "12", "any", "a b", "../x", "Å", "a;b", "x" * 200])
def test_names_that_cannot_be_used(data, name):
    assert "cannot be used" in fail("systems", "rename", 41, name, "--data", data)


def test_a_name_that_another_system_has(data):
    line = fail("systems", "rename", 41, "STO-001-200kV", "--data", data)
    assert "system 2" in line


def test_a_model_is_installed_where_it_belongs(data, small_table):
    place = data / "41" / "models" / "test"
    assert install_model(data, place) == install_model(data, place) == 0
    assert register_models(data, 41)[0].folder == place
    with register_lock(data):
        assert add_model(data, 41, place.with_name("second")) == 1
    with pytest.raises(BundleError, match="cannot be read"):
        install_model(data, place.with_name("second"))
    elsewhere = data / "42" / "models" / "test"
    place.rename(elsewhere)
    with pytest.raises(BundleError, match="system 41"):
        install_model(data, elsewhere)


def test_a_training_is_told_where_its_model_goes(data):
    recipe = load_recipe(Path("recipe.toml"))
    place = prepare_model(data, recipe)
    assert place.folder == data / "42" / "models" / "recipe-001-200kV"
    assert place.table is None
    assert prepare_model(data, recipe, "v2").folder == data / "42" / "models" / "v2"
    for name in ("../x", "", "a/b", ".hidden", "a\\b"):
        with pytest.raises(BundleError, match="cannot be used"):
            check_model_name(name)
