"""One bad file of a data folder costs its own system, and nothing else."""

import contextlib
import dataclasses
import json
import shutil
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from pacbed.bounded import parse_arrays, parse_json, parse_toml, read_bytes
from pacbed.crystal.cif import read_cif
from pacbed.earlier.keras_h5 import load_h5
from pacbed.errors import BundleError, CrystalError, FileFormatError, PacbedError, RecipeError
from pacbed.lacbed.table import LacbedTable
from pacbed.library.changes.rename import rename_system
from pacbed.library.installed import broken_bundles, installed_systems, load_bundle, shipped_systems
from pacbed.library.places import open_model
from pacbed.library.recipe import load_recipe
from pacbed.library.register.rows import REGISTER, read_register
from pacbed.service.catalogue import Catalogue
from pacbed.service.metrics import Metrics
from tests.cli_tools import RECIPE
from tests.label_tools import MODELS, add_register_row, make_earlier_folder
from tests.security.hostile import REPLACEMENTS, patiently, replace
from tests.service.conftest import make_client  # noqa: F401

SHIPPED = {0, 1, 2, 3}
GOOD, VICTIM, BUNDLE = 7, 8, 60


@pytest.fixture
def data(tmp_path):
    """Two systems of the earlier kind, and a bundle of this one."""
    folder = tmp_path / "data"
    for number in (GOOD, VICTIM):
        make_earlier_folder(folder, number=number)
    make_bundle(folder / str(BUNDLE) / "models" / "own")
    return folder


def make_bundle(folder: Path) -> None:
    """A copy of a shipped bundle under another number; its large files are links."""
    shipped = load_bundle(0).folder
    folder.mkdir(parents=True)
    content = json.loads((shipped / "bundle.json").read_text())
    content["system"] |= {"id": BUNDLE, "name": "own"}
    (folder / "bundle.json").write_text(json.dumps(content))
    for name in ("locator.onnx", "reader.onnx", "lacbed.npz"):
        (folder / name).symlink_to(shipped / name)


def change_description(data, change):
    path = data / str(BUNDLE) / "models" / "own" / "bundle.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def served(data):
    """Numbers of the systems of a fresh service, and what it refused."""
    catalogue = Catalogue(data, 0.0, Metrics())
    return {system.id for system in catalogue.systems()}, catalogue


def listed(data):
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        return {system.id for system in installed_systems(data)}


def check(data, victim, gone):
    """Only the victim may be missing, and then it is told; its networks may fail in words."""
    numbers, catalogue = patiently(lambda: served(data))
    everything = SHIPPED | {GOOD, VICTIM, BUNDLE}
    assert numbers >= everything - {victim}
    if gone:
        assert victim not in numbers
    if victim not in numbers:
        assert catalogue.faults
        assert patiently(lambda: broken_bundles(data))
    else:
        system = next(s for s in catalogue.systems() if s.id == victim)
        with contextlib.suppress(PacbedError):
            patiently(lambda: catalogue.predictor(system))
    assert patiently(lambda: listed(data)) == numbers


@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_hostile_description_costs_its_own_system(data, kind):
    replace(data / str(BUNDLE) / "models" / "own" / "bundle.json", kind)
    numbers, catalogue = patiently(lambda: served(data))
    assert numbers == SHIPPED | {GOOD, VICTIM}
    # What leads nowhere is no description, and so no fault.
    assert "own" in catalogue.faults or kind in ("nowhere", "circle")
    assert patiently(lambda: listed(data)) == numbers


@pytest.mark.parametrize("kind", REPLACEMENTS)
@pytest.mark.parametrize(
    "name",
    [
        "models/Register_models.csv",
        "simulation/df.csv",
        "models/Xception_0/Small_Thickness_labels.csv",
        "models/Xception_0/Small_Thickness.tflite",
    ],
)
def test_hostile_file_of_an_earlier_system_costs_that_system(data, name, kind):
    replace(data / str(VICTIM) / name, kind)
    check(data, VICTIM, gone=False)


@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_hostile_register_leaves_all_bundles(data, kind):
    replace(data / REGISTER, kind)
    numbers, _ = patiently(lambda: served(data))
    assert numbers >= SHIPPED | {BUNDLE}


ENTRIES = {
    "negative-id": lambda c: c["system"].update(id=-1),
    "text-id": lambda c: c["system"].update(id="60"),
    "true-id": lambda c: c["system"].update(id=True),
    "huge-id": lambda c: c["system"].update(id=10**18),
    "list-name": lambda c: c["system"].update(name=["own"]),
    "number-name": lambda c: c["system"].update(name=60),
    "long-name": lambda c: c["system"].update(name="a" * 100_000),
    "no-material": lambda c: c["system"].update(material=None),
    "text-axis": lambda c: c["system"].update(zone_axis="001"),
    "nan-tension": lambda c: c["system"].update(high_tension_kV=float("nan")),
    "nan-range": lambda c: c["system"].update(thickness_nm=[1.0, float("nan")]),
    "huge-range": lambda c: c["system"].update(thickness_nm=[0, 10**400]),
    "deep-range": lambda c: c["system"].update(thickness_nm=[[1], [2]]),
    "unknown-entry": lambda c: c["system"].update(colour="red"),
    "no-system": lambda c: c.update(system=[]),
    "many-bins": lambda c: c["input"].update(thickness_bins=10**12),
    "text-bins": lambda c: c["input"].update(thickness_bins="120"),
    "list-hashes": lambda c: c.update(sha256=[1]),
    "list-schema": lambda c: c.update(schema=[2]),
    "list-kind": lambda c: c.update(kind=["labels"]),
    "half-a-label-bundle": lambda c: c.update(kind="labels"),
}  # fmt: skip


@pytest.mark.parametrize("entry", ENTRIES)
def test_wrong_entry_of_a_description_costs_its_own_system(data, entry):
    change_description(data, ENTRIES[entry])
    check(data, BUNDLE, gone=True)


def test_not_a_number_beside_what_counts_stops_nothing(data):
    change_description(data, lambda c: c["provenance"].update(loss=float("nan")))
    assert served(data)[0] == SHIPPED | {GOOD, VICTIM, BUNDLE}
    assert load_bundle(BUNDLE, data).provenance["loss"] is None


CELLS = {
    "text-number": {"high tension": "much"},
    "many-digits": {"thickness": "9" * 100_000},
    "infinite": {"thickness": "1e999"},
    "half-a-pixel": {"dim": "1.5"},
    "long-material": {"material": "a" * 100_000},
    "long-path": {"path": "a/" * 40_000},
    "outside": {"path": "../../etc"},
    "null": {"material": ""},
    "long-direction": {"direction": "(" + "1" * 400 + ", 0, 1)"},
}


@pytest.mark.parametrize("cells", CELLS)
def test_wrong_cell_of_the_register_costs_its_own_system(data, cells):
    rewrite_row(data, CELLS[cells])
    check(data, VICTIM, gone=True)
    assert rows_of(data) == 2


@pytest.mark.parametrize("number", ["-1", "1e299", "9" * 100_000, "", "x", str(GOOD)])
def test_wrong_number_of_a_row_costs_that_row(data, number):
    rewrite_row(data, {"id": number})
    numbers, catalogue = patiently(lambda: served(data))
    lost = {VICTIM, GOOD} if number == str(GOOD) else {VICTIM}
    assert numbers == (SHIPPED | {GOOD, VICTIM, BUNDLE}) - lost
    assert catalogue.faults


def test_row_with_too_many_cells_costs_that_row(data):
    path = data / REGISTER
    lines = path.read_text().splitlines()
    lines[2] += ";" * 3 + "more"
    path.write_text("\n".join(lines) + "\n")
    check(data, VICTIM, gone=True)


def rewrite_row(data, cells):
    """Write the register anew, with other cells in the row of the victim."""
    (data / REGISTER).unlink()
    add_register_row(data, GOOD)
    add_register_row(data, VICTIM, **cells)


def rows_of(data):
    return len((data / REGISTER).read_text().splitlines()) - 1


def test_register_of_a_million_rows_is_refused_at_once(data, make_client):  # noqa: F811
    path = data / REGISTER
    with path.open("a") as file:
        file.writelines(f"{n};data/{n};Rutile;TiO2;(0, 0, 1);100\n" for n in range(100, 900_100))
    client = make_client(data=data)
    answer = patiently(lambda: client.get("/health/ready")).json()
    assert answer["status"] == "ok"
    assert answer["systems"] == len(SHIPPED) + 1
    assert answer["refused_bundles"] == {"data": "FileFormatError"}
    with pytest.raises(FileFormatError, match="larger than"):
        read_register(data)


def test_many_rows_are_refused_by_their_number(data):
    with (data / REGISTER).open("a") as file:
        file.writelines(f"{n};\n" for n in range(100, 2_200))
    with pytest.raises(FileFormatError, match="more than 2000 rows"):
        read_register(data)


def test_register_is_read_once_however_many_systems_it_has(data, monkeypatch):
    from pacbed.library import csv_table

    reads = []
    read = csv_table.read_bytes
    monkeypatch.setattr(
        csv_table, "read_bytes", lambda path, most: reads.append(path.name) or read(path, most)
    )
    for number in range(100, 130):
        (data / str(number) / "models" / "empty").mkdir(parents=True)
        add_register_row(data, number)
    served(data)
    assert reads.count(REGISTER) <= 3


def test_folder_in_a_circle_costs_its_own_system(data):
    home = data / str(VICTIM)
    shutil.rmtree(home)
    home.symlink_to(data / "round")
    (data / "round").symlink_to(home)
    (data / "61" / "models").mkdir(parents=True)
    (data / "61" / "models" / "again").symlink_to(data / "61" / "models" / "again")
    numbers, _ = patiently(lambda: served(data))
    assert numbers == SHIPPED | {GOOD, BUNDLE}


def test_whatever_a_model_raises_is_its_own_fault(data, monkeypatch):
    def fail(place):
        if place.row.id == VICTIM:
            raise ZeroDivisionError("as nobody foresaw")
        return load(place)

    from pacbed.earlier import places

    load = places.load_earlier
    monkeypatch.setattr(places, "load_earlier", fail)
    check(data, VICTIM, gone=True)


@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_hostile_parts_of_a_bundle_are_told(data, kind):
    folder = data / str(BUNDLE) / "models" / "own"
    for name in ("locator", "reader", "table"):
        bundle = open_model(folder)
        file = folder / {"table": "lacbed.npz"}.get(name, f"{name}.onnx")
        replace(file, kind)
        with pytest.raises(BundleError, match=file.name):
            patiently(lambda b=bundle, n=name: getattr(b, n))


# Tables of beams


def stored_table(small_table, tmp_path, entries=None, arrays=None):
    """Path of a table whose header or arrays were changed."""
    path = tmp_path / "lacbed.npz"
    small_table.save(path)
    with np.load(path) as stored:
        parts = dict(stored)
    header = json.loads(parts["header"].tobytes()) | (entries or {})
    parts["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **(parts | (arrays or {})))
    return path


HEADERS = {
    "many-steps": {"thickness_steps": 10**9},
    "negative-steps": {"thickness_steps": -1},
    "text-steps": {"thickness_steps": "30"},
    "fine-grid": {"divisions": [9_999, 9_999]},
    "huge-grid": {"divisions": [10**12, 10**12]},
    "no-grid": {"divisions": [0, 0]},
    "wide-grid": {"direction_max_mrad": 1e300},
    "no-quantum": {"quantum": None},
    "nan-tension": {"high_tension_kV": float("nan")},
    "negative-tension": {"high_tension_kV": -200.0},
    "many-ranks": {"ranks": [10**9]},
    "no-ranks": {"ranks": {}},
    "other-format": {"format": 99},
    "deep": {"provenance": json.loads("[" * 90 + "]" * 90)},
}


@pytest.mark.parametrize("header", HEADERS)
def test_hostile_header_of_a_table_is_refused(small_table, tmp_path, header):
    path = stored_table(small_table, tmp_path, HEADERS[header])
    with pytest.raises(BundleError, match="is not a LACBED table"):
        patiently(lambda: LacbedTable.load(path))


ARRAYS = {
    "header": np.frombuffer(b"[" * 100_000, np.uint8),
    "reciprocal": np.zeros((2, 2)),
    "point_group": np.zeros((0, 2, 2), np.int8),
    "beams": np.zeros((300_000, 2), np.int16),
    "bases": np.zeros(5, np.float16),
    "coefficients": np.zeros((2, 3), np.uint8),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_hostile_array_of_a_table_is_refused(small_table, tmp_path, name):
    path = stored_table(small_table, tmp_path, arrays={name: ARRAYS[name]})
    with pytest.raises(BundleError, match="is not a LACBED table"):
        patiently(lambda: LacbedTable.load(path))


@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_what_is_no_table_is_refused(tmp_path, kind):
    path = tmp_path / "lacbed.npz"
    replace(path, kind)
    with pytest.raises(BundleError, match="is not a LACBED table"):
        patiently(lambda: LacbedTable.load(path))


def member(shape, descr="'<f8'", content=b""):
    """An array of an archive with a header that says what it likes."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (117 - len(text)) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + content


@pytest.mark.parametrize(
    "content",
    [
        member("(1000000000000,)"),
        member("(-1,)"),
        member("(4,)", content=bytes(8)),
        member("(1,)", "'|O'", bytes(8)),
        member("(99999999999999999999999, 0)"),
        b"\x93NUMPY\x09\x00",
        b"",
    ],
)
def test_array_that_is_not_as_its_header_says_takes_no_memory(tmp_path, content):
    path = tmp_path / "some.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.npy", content)
    with pytest.raises((ValueError, OverflowError)):
        parse_arrays(path.read_bytes(), 2**20)
    with pytest.raises(BundleError, match="is not a LACBED table"):
        LacbedTable.load(path)


def test_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "some.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(2**22))
    with pytest.raises(ValueError, match="more than 2 MiB"):
        parse_arrays(path.read_bytes(), 2 * 2**20)


def test_arrays_are_read_as_they_were_written(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.asfortranarray(np.eye(3, 4))}
    np.savez_compressed(tmp_path / "some.npz", **arrays)
    found = parse_arrays((tmp_path / "some.npz").read_bytes(), 2**20)
    assert found.keys() == arrays.keys()
    for name, wanted in arrays.items():
        np.testing.assert_array_equal(found[name], wanted)


# Recipes, crystals, networks of the earlier system


@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_hostile_recipe_is_told(tmp_path, kind):
    path = tmp_path / "recipe.toml"
    replace(path, kind)
    with pytest.raises(RecipeError, match=r"recipe\.toml"):
        patiently(lambda: load_recipe(path))


@pytest.mark.parametrize(
    "line",
    [
        "thickness_nm = [1.0, inf]",
        "thickness_nm = [1.0, nan]",
        f"thickness_nm = [1.0, {'9' * 400}]",
        f"thickness_nm = [1.0, {'9' * 5000}]",
        f"thickness_nm = {'[' * 5000}",
        f"{'a.' * 50_000}a = 1",
    ],
)
def test_hostile_number_of_a_recipe_is_told(tmp_path, line):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.replace("thickness_nm = [1.0, 10.0]", line))
    with pytest.raises(RecipeError, match=r"recipe\.toml"):
        patiently(lambda: load_recipe(path))


@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_hostile_crystal_is_told(tmp_path, kind):
    path = tmp_path / "crystal_file.cif"
    replace(path, kind)
    with pytest.raises(CrystalError, match=r"crystal_file\.cif"):
        patiently(lambda: read_cif(path))


def test_crystal_of_countless_atoms_is_refused(tmp_path):
    path = tmp_path / "crystal_file.cif"
    sites = "".join(f"Sr{n} Sr 0.{n:05d} 0 0\n" for n in range(30_000))
    path.write_text(
        "data_x\n_cell_length_a 9\n_cell_length_b 9\n_cell_length_c 9\n_cell_angle_alpha 90\n"
        "_cell_angle_beta 90\n_cell_angle_gamma 90\nloop_\n_atom_site_label\n"
        "_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
        + sites
    )
    with pytest.raises(CrystalError, match="30000 atom sites"):
        patiently(lambda: read_cif(path))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 900 + "1" + "}" * 900, "9" * 100_000])
def test_hostile_description_of_layers_is_refused(tmp_path, text):
    path = tmp_path / "model.h5"
    shutil.copy(MODELS / "Small_Thickness.h5", path)
    with h5py.File(path, "r+") as file:
        del file.attrs["model_config"]
        file.attrs.create("model_config", text[:60_000])
    with pytest.raises(BundleError, match="is not a Keras model"):
        load_h5(path.read_bytes())


@pytest.mark.parametrize("kind", ["brackets", "pipe", "endless-device", "many-digits"])
def test_hostile_files_are_not_renamed(data, kind):
    replace(data / str(BUNDLE) / "models" / "own" / "bundle.json", kind)
    (data / str(BUNDLE) / "recipe.toml").write_text('[system]\nname = "x"\n')
    if kind == "pipe":
        replace(data / str(BUNDLE) / "recipe.toml", "large")
    with pytest.raises(PacbedError):
        patiently(lambda: rename_system(data, BUNDLE, "new"))


# The readers themselves


def test_read_bytes_keeps_to_its_bound(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(OSError, match="larger than the 4 bytes"):
        read_bytes(path, 4)


def test_plain_descriptions_are_read():
    assert parse_json(b'{"a": [1, 2.5, "x", null, true, -3]}') == {
        "a": [1, 2.5, "x", None, True, -3]
    }
    assert parse_json("[NaN, -Infinity]") == [None, None]
    assert parse_toml(b"a.b = [1, 2.5]\n") == {"a": {"b": [1, 2.5]}}


@pytest.mark.parametrize("depth", [70, 10_000])
def test_depth_is_bounded_whatever_the_reader_could(depth):
    with pytest.raises(ValueError, match="nested"):
        parse_json("[" * depth + "]" * depth)


def test_shipped_systems_are_as_they_were():
    systems = shipped_systems()
    assert {system.id for system in systems} == SHIPPED
    assert all(dataclasses.asdict(system) for system in systems)
