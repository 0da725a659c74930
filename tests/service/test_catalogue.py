"""Bundles that appear, change and break while the service runs."""

import dataclasses
import json
import os
import shutil
import threading

import pytest

from pacbed.errors import BundleError
from pacbed.library.models.model_files import DESCRIPTION
from pacbed.service.catalogue import Catalogue
from pacbed.service.metrics import Metrics
from tests.cli_tools import SYSTEM, make_data_folder, make_pattern
from tests.service.conftest import post, raw_parameters


@pytest.fixture
def data(tmp_path, small_table):
    return make_data_folder(tmp_path / "data", small_table)


@pytest.fixture
def catalogue(data):
    return Catalogue(data, 0.0, Metrics())


def folder_of(data):
    return data / str(SYSTEM.id) / "models" / "test"


def rewrite(folder, **changes):
    """Change the description of a bundle, as a training that writes it anew would."""
    path = folder / DESCRIPTION
    content = json.loads(path.read_text())
    content.update(changes)
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(content))
    os.replace(temporary, path)


def numbers(catalogue):
    return [system.id for system in catalogue.systems()]


def test_data_folder_and_shipped_systems(catalogue):
    assert numbers(catalogue) == [0, 1, 2, 3, 41]


def test_bundles_load_once_and_late(catalogue):
    system = catalogue.systems()[-1]
    first = catalogue.predictor(system)
    catalogue.systems()
    assert catalogue.predictor(system) is first


def test_new_bundle_is_taken_up(catalogue, data, small_table):
    catalogue.systems()
    make_data_folder(data, small_table, dataclasses.replace(SYSTEM, id=77, name="new-001-200kV"))
    assert 77 in numbers(catalogue)
    assert catalogue.faults == {}


def test_changed_bundle_replaces_the_older_one(catalogue, data):
    before = catalogue.predictor(catalogue.systems()[-1])
    rewrite(folder_of(data), provenance={"version": "2"})
    after = catalogue.predictor(catalogue.systems()[-1])
    assert after is not before
    assert after.bundle.provenance == {"version": "2"}


@pytest.mark.parametrize("damage", ["description", "schema", "locator", "reader", "table"])
def test_broken_bundle_leaves_the_old_one_serving(catalogue, data, damage):
    system = catalogue.systems()[-1]
    before = catalogue.predictor(system)
    folder = folder_of(data)
    if damage == "description":
        (folder / DESCRIPTION).write_text("{")
    elif damage == "schema":
        rewrite(folder, schema=99)
    else:
        name = {"table": "lacbed.npz"}.get(damage, f"{damage}.onnx")
        (folder / name).write_bytes(b"broken")
        rewrite(folder, provenance={"version": "2"})
    for _ in range(3):
        assert system in catalogue.systems()
        assert catalogue.predictor(system) is before
    assert catalogue.faults == {"test": "BundleError"}


def test_broken_newer_model_leaves_the_older_serving(catalogue, data):
    before = catalogue.predictor(catalogue.systems()[-1])
    newer = folder_of(data).with_name("zz-newer")
    shutil.copytree(folder_of(data), newer)
    (newer / "reader.onnx").write_bytes(b"broken")
    assert catalogue.predictor(catalogue.systems()[-1]) is before
    shutil.copy(folder_of(data) / "reader.onnx", newer)
    rewrite(newer, provenance={"version": "mended"})
    after = catalogue.predictor(catalogue.systems()[-1])
    assert after.bundle.folder == newer
    assert catalogue.faults == {}


def test_removed_bundle_is_gone(catalogue, data):
    catalogue.systems()
    shutil.rmtree(data / str(SYSTEM.id))
    assert numbers(catalogue) == [0, 1, 2, 3]


def test_removed_bundle_uncovers_the_shipped_one(tmp_path, small_table):
    mine = dataclasses.replace(SYSTEM, id=3, name="mine-001-200kV")
    data = make_data_folder(tmp_path / "data", small_table, mine)
    catalogue = Catalogue(data, 0.0, Metrics())
    assert catalogue.systems()[-1].name == "mine-001-200kV"
    shutil.rmtree(data / "3")
    assert catalogue.systems()[-1].name == "sto-001-300kV"


def test_bundle_that_is_broken_from_the_start(data):
    (folder_of(data) / "reader.onnx").write_bytes(b"broken")
    catalogue = Catalogue(data, 0.0, Metrics())
    with pytest.raises(BundleError):
        catalogue.predictor(catalogue.systems()[-1])


def test_requests_go_on_while_bundles_are_replaced(data, small_table, make_client):
    client = make_client(data=data, reload_seconds=0.0, threads=2)
    pattern = make_pattern(small_table)
    parameters = raw_parameters(pattern, validation=False, refine=False, system="test-001-200kV")
    parameters["convergence_angle"] = 12
    del parameters["physical_params"]
    over = threading.Event()

    def replace():
        number = 0
        while not over.is_set():
            number += 1
            rewrite(folder_of(data), provenance={"version": str(number)})

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        for _ in range(20):
            response = post(client, parameters, pattern.tobytes())
            assert response.status_code == 200, response.text
    finally:
        over.set()
        writer.join()


def test_broken_bundle_is_told_without_paths(data, make_client, small_table):
    (folder_of(data) / "reader.onnx").write_bytes(b"broken")
    client = make_client(data=data)
    pattern = make_pattern(small_table)
    parameters = raw_parameters(pattern, system=SYSTEM.id, convergence_angle=12)
    del parameters["physical_params"]
    response = post(client, parameters, pattern.tobytes())
    assert response.status_code == 503
    assert response.json()["code"] == "bundle"
    assert str(data) not in response.text


def test_broken_bundles_of_one_name_are_told_apart(data, small_table):
    make_data_folder(data, small_table, dataclasses.replace(SYSTEM, id=77, name="new-001-200kV"))
    catalogue = Catalogue(data, 0.0, Metrics())
    first, second = folder_of(data), data / "77" / "models" / "test"
    for folder in (first, second):
        (folder / DESCRIPTION).write_text("{")
    catalogue.systems()
    wrong = {f"{number}/models/test": "BundleError" for number in (SYSTEM.id, 77)}
    assert catalogue.faults == wrong
    # Mending one does not hide the other.
    shutil.rmtree(first)
    make_data_folder(data, small_table)
    assert SYSTEM.id in numbers(catalogue)
    assert catalogue.faults == {"test": "BundleError"}


def test_a_broken_bundle_that_was_removed_is_forgotten(catalogue, data):
    (folder_of(data) / DESCRIPTION).write_text("{")
    catalogue.systems()
    assert catalogue.faults == {"test": "BundleError"}
    shutil.rmtree(data / str(SYSTEM.id))
    assert numbers(catalogue) == [0, 1, 2, 3]
    assert catalogue.faults == {}
