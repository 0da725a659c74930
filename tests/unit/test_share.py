"""A system as one file: packed with card and test, unpacked elsewhere, and the same there."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pacbed.library.installed import load_bundle
from pacbed.share.archive import read_archive, write_archive
from pacbed.share.card import About, read_card
from tests.cli_tools import fail, run, succeed

#: Small enough to be simulated and asked in a second.
SMALL = (
    "--high-tension", 200, "--convergence-min", 9, "--convergence-max", 10, "--thickness-max", 20,
    "--mistilt-max", 2,
)  # fmt: skip
NAME = "al-001-200kV"


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A data folder with one system, and the file that it was packed into."""
    folder = tmp_path_factory.mktemp("share")
    data, file = folder / "data", folder / f"{NAME}.pacbed.zip"
    succeed("add", "Al", "--zone-axis", "0 0 1", *SMALL, "--data", data)
    shown = succeed(
        "pack", NAME, "--data", data, "-o", file, "--author", "A. Person", "--author", "B. Person",
        "--licence", "CC-BY-4.0", "--doi", "10.5281/zenodo.1234567", "--description", "Aluminium",
    )  # fmt: skip
    assert "a pattern and its answer" in shown
    return data, file


def test_an_unpacked_system_answers_as_the_packed_one(packed, tmp_path):
    data, file = packed
    other = tmp_path / "other"
    shown = succeed("unpack", file, "--data", other)
    for words in ("A. Person, B. Person", "CC-BY-4.0", "10.5281", "answered as at the sender's"):
        assert words in shown
    mine, theirs = (load_bundle(NAME, data=folder) for folder in (data, other))
    assert theirs.hashes == mine.hashes
    assert (theirs.system, theirs.provenance) == (mine.system, mine.provenance)
    assert (other / str(theirs.system.id) / "recipe.toml").is_file()
    assert "registered already" in succeed("unpack", file, "--data", other, "--no-test")


def test_the_card_says_what_it_is_in_the_words_of_bioimage_io(packed):
    card = json.loads(zipfile.ZipFile(packed[1]).read("system.json"))
    assert card["authors"] == [{"name": "A. Person"}, {"name": "B. Person"}]
    assert card["license"] == "CC-BY-4.0"
    assert card["cite"][0]["doi"] == "10.5281/zenodo.1234567"
    assert card["test_inputs"] == ["test/pattern.npy"]
    assert card["config"]["pacbed"]["system"]["name"] == NAME
    assert {one["source"] for one in card["attachments"]} >= {
        "model/bundle.json", "model/lacbed.npz", "crystal/crystal_file.cif", "crystal/recipe.toml"
    }  # fmt: skip
    read = read_card(read_archive(packed[1]))
    assert read.about == About(
        ("A. Person", "B. Person"), "CC-BY-4.0", "10.5281/zenodo.1234567", "Aluminium"
    )


def test_the_test_pattern_is_of_this_system(packed):
    files = read_archive(packed[1])
    answer = json.loads(files["test/answer.json"])
    assert answer["thickness_nm"] == pytest.approx(answer["true_thickness_nm"], abs=1.0)


def test_a_name_that_is_taken_is_refused_and_another_helps(packed, tmp_path):
    _, file = packed
    other = tmp_path / "other"
    wider = [*SMALL[:-1], 2.5]
    succeed("add", "Al", "--zone-axis", "0 0 1", *wider, "--data", other)
    assert f"has the name {NAME}" in fail("unpack", file, "--data", other, "--no-test")
    assert "1 again" not in succeed("unpack", file, "--data", other, "--no-test", "--name", "again")
    assert load_bundle("again", data=other).system.mistilt_mrad == (0.0, 2.0)


def test_a_model_without_a_crystal_travels_too(packed, tmp_path):
    data, _ = packed
    model = load_bundle(NAME, data=data)
    for name in ("recipe.toml", "crystal_file.cif"):
        (data / str(model.system.id) / name).rename(tmp_path / name)
    try:
        file = tmp_path / "bare.zip"
        succeed("pack", NAME, "--data", data, "-o", file)
    finally:
        for name in ("recipe.toml", "crystal_file.cif"):
            (tmp_path / name).rename(data / str(model.system.id) / name)
    other = tmp_path / "other"
    succeed("unpack", file, "--data", other, "--no-test")
    assert load_bundle(NAME, data=other).hashes == model.hashes
    assert "nobody is named" in succeed("unpack", file, "--data", tmp_path / "o2", "--no-test")
    # The name is taken by what is not the same by a recipe.
    assert "give another one" in fail("unpack", file, "--data", other, "--no-test")


def test_the_same_files_make_the_same_archive():
    files = {"system.json": b"{}", "model/a.npz": bytes(1000)}
    assert write_archive(files) == write_archive(files)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--licence", "do what you like; please"), "no SPDX name"),
        (("--doi", "https://doi.org/10.1/x"), "is not like 10.5281"),
        (("--author", "a\x1b[31mb"), "not one line"),
    ],
)
def test_what_the_sender_says_is_checked(packed, tmp_path, options, words):
    given = ("pack", NAME, "--data", packed[0], "-o", tmp_path / "x.zip", *options)
    assert words in fail(*given)
    assert not (tmp_path / "x.zip").exists()


def test_a_system_that_everybody_has_is_not_packed(tmp_path):
    assert "comes with the program" in fail("pack", "2", "-o", tmp_path / "x.zip")


def test_another_answer_to_the_test_pattern_keeps_nothing(packed, tmp_path):
    files = read_archive(packed[1])
    answer = json.loads(files["test/answer.json"])
    answer["thickness_nm"] += 0.5
    changed = {**files, "test/answer.json": json.dumps(answer).encode()}
    file = tmp_path / "changed.zip"
    file.write_bytes(write_archive(resealed(changed)))
    other = tmp_path / "other"
    result = run("unpack", file, "--data", other)
    assert result.exit_code == 2
    assert "where the sender's program found" in result.stderr
    assert not other.exists()
    assert "not asked" in succeed("unpack", file, "--data", other, "--no-test")


def resealed(files):
    """The files with a card whose hashes are theirs."""
    import hashlib

    card = json.loads(files["system.json"])
    card["attachments"] = [
        {"source": name, "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
        if name != "system.json"
    ]
    return {**files, "system.json": json.dumps(card).encode()}


def test_what_unpacking_writes_stays_in_the_data_folder(packed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = {path.name for path in Path().iterdir()}
    succeed("unpack", packed[1], "--data", "own", "--no-test")
    assert {path.name for path in Path().iterdir()} - before == {"own"}
    table = next(Path("own").glob("*/models/*/lacbed.npz"))
    assert np.load(table, allow_pickle=False).files
