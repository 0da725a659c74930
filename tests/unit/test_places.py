"""Which of several models of one system answers."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from pacbed.library.installed import load_bundle
from pacbed.library.places import model_places
from tests.label_tools import (
    EARLIER_ID,
    LABEL_SYSTEM,
    add_register_row,
    make_earlier_folder,
    make_label_bundle,
    model_folder,
)

HOME = str(LABEL_SYSTEM.id)


@pytest.fixture(scope="module")
def table():
    return load_bundle("sto-001-300kV").table


@pytest.fixture
def data(tmp_path, table):
    """Three models of one system, a, b and c, none of them listed."""
    data = tmp_path / "data"
    add_register_row(data, LABEL_SYSTEM.id, path=HOME)
    first = make_label_bundle(data, table)
    for name in "abc":
        first = first.rename(first.with_name(name))
        if name != "c":
            first = copied(first)
    return data


def copied(folder: Path) -> Path:
    return Path(shutil.copytree(folder, folder.with_name("next")))


def list_models(data: Path, *names: str, number: str = HOME) -> None:
    rows = "".join(f"{n};{number}\\models\\{name}\n" for n, name in enumerate(names))
    (data / number / "models" / "Register_models.csv").write_text(f"id;path\n{rows}")


def names(data: Path) -> list[str]:
    places, faults = model_places(data)
    assert faults == []
    return [place.folder.name for place in places if place.system_id == LABEL_SYSTEM.id]


def test_without_a_list_the_last_name_answers(data):
    assert names(data) == ["c", "b", "a"]
    assert load_bundle(LABEL_SYSTEM.id, data).folder.name == "c"


def test_the_last_row_of_the_list_answers(data):
    list_models(data, "a", "c", "b")
    assert names(data) == ["b", "c", "a"]
    assert load_bundle(LABEL_SYSTEM.id, data).folder.name == "b"
    list_models(data, "c", "b", "a")
    assert load_bundle(LABEL_SYSTEM.id, data).folder.name == "a"


def test_what_is_not_listed_comes_after_what_is(data):
    list_models(data, "a")
    assert names(data) == ["a", "c", "b"]


def test_a_broken_list_is_told_and_the_names_decide(data):
    (data / HOME / "models" / "Register_models.csv").write_text("id;path\nx;y\n")
    places, (fault,) = model_places(data)
    assert fault.system_id == LABEL_SYSTEM.id
    assert [p.folder.name for p in places if p.system_id == LABEL_SYSTEM.id] == ["c", "b", "a"]


def test_an_earlier_model_answers_before_a_bundle_only_if_listed_after_it(tmp_path, table):
    data = make_earlier_folder(tmp_path / "data")
    earlier = model_folder(data)
    make_label_bundle(data, table, system=dataclasses.replace(LABEL_SYSTEM, id=EARLIER_ID))

    def order():
        return [p.folder.name for p in model_places(data)[0] if p.system_id == EARLIER_ID]

    number = str(EARLIER_ID)
    list_models(data, earlier.name, number=number)
    assert order() == ["table", earlier.name]
    list_models(data, earlier.name, "table", number=number)
    assert order() == ["table", earlier.name]
    list_models(data, "table", earlier.name, number=number)
    assert order() == [earlier.name, "table"]
