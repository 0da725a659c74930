"""Bundles and the register: found, verified, refused."""

import json
import shutil

import pytest

from pacbed.errors import BundleError, UnknownSystemError
from pacbed.library.installed import (
    broken_bundles,
    find_system,
    installed_systems,
    load_bundle,
)
from pacbed.library.models.bundle import Bundle

NAMES = ["rutile-001-80kV", "sto-001-80kV", "sto-001-200kV", "sto-001-300kV"]


def test_shipped_systems(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PACBED_DATA", raising=False)
    assert [system.name for system in installed_systems()] == NAMES
    assert [system.id for system in installed_systems()] == [0, 1, 2, 3]


@pytest.mark.parametrize("name", NAMES)
def test_shipped_bundle_is_whole_and_small(name):
    bundle = load_bundle(name)
    assert len(bundle.locator) > 1e5
    assert len(bundle.reader) > 1e6
    assert bundle.table.geometry.high_tension_kV == bundle.system.high_tension_kV
    size = sum(path.stat().st_size for path in bundle.folder.iterdir())
    assert size <= 16e6
    assert {"version", "recipe", "recipe_text", "table", "training"} <= set(bundle.provenance)


def test_find_by_id_name_and_conditions():
    assert find_system(2).name == "sto-001-200kV"
    assert find_system("STO-001-200KV").id == 2
    by_conditions = find_system(material="strontium TITANATE", high_tension_kV=300)
    assert by_conditions.id == 3
    assert find_system(material="TiO2", high_tension_kV=80).id == 0


@pytest.mark.parametrize(
    "query",
    [
        {"system": "gold"},
        {"system": 17},
        {"material": "rutile", "high_tension_kV": 300},
        {"material": "rutile", "high_tension_kV": 80, "zone_axis": (1, 1, 0)},
    ],
)
def test_unknown_systems_list_the_known(query):
    with pytest.raises(UnknownSystemError, match="installed are: 0 rutile-001-80kV"):
        find_system(**query)


def test_data_folder_comes_first(tmp_path):
    model = tmp_path / "3" / "models" / "mine"
    shutil.copytree(load_bundle(3).folder, model)
    content = json.loads((model / "bundle.json").read_text())
    content["system"]["name"] = "sto-of-mine"
    (model / "bundle.json").write_text(json.dumps(content))
    assert find_system(3, data=tmp_path).name == "sto-of-mine"
    assert load_bundle("sto-of-mine", data=tmp_path).folder == model


@pytest.mark.parametrize("name", ["locator.onnx", "reader.onnx", "lacbed.npz"])
def test_changed_file_is_refused(tmp_path, name):
    folder = tmp_path / "bundle"
    shutil.copytree(load_bundle(3).folder, folder)
    with open(folder / name, "r+b") as file:
        file.seek(1000)
        file.write(b"changed")
    bundle = Bundle.load(folder)
    with pytest.raises(BundleError, match="SHA-256 differs"):
        _ = getattr(bundle, {"lacbed.npz": "table"}.get(name, name.removesuffix(".onnx")))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schema": 99}', '{"schema": 1, "system": {}}'])
def test_broken_description(tmp_path, text):
    (tmp_path / "bundle.json").write_text(text)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        Bundle.load(tmp_path)


def spoilt_data_folder(tmp_path):
    """A data folder with a bundle that cannot be read and one that can."""
    for name in ("good", "bad"):
        model = tmp_path / ("3" if name == "good" else "7") / "models" / name
        shutil.copytree(load_bundle(3).folder, model)
    (model / "bundle.json").write_text("{")
    return model


@pytest.mark.filterwarnings("always::UserWarning")
def test_broken_description_stops_no_other_system(tmp_path):
    model = spoilt_data_folder(tmp_path)
    with pytest.warns(UserWarning, match=r"left out: .*bad.bundle\.json"):
        assert find_system(3, data=tmp_path).id == 3
    with pytest.warns(UserWarning, match="left out"):
        assert load_bundle("sto-001-300kV", data=tmp_path).folder.name == "good"
    with pytest.warns(UserWarning, match="left out"):
        assert len(installed_systems(tmp_path)) == 4
    assert list(broken_bundles(tmp_path)) == [model]


def test_a_system_that_is_not_found_names_the_broken_bundles(tmp_path):
    spoilt_data_folder(tmp_path)
    with pytest.raises(UnknownSystemError, match=r"broken: .*bad.bundle\.json"):
        find_system(7, data=tmp_path)
