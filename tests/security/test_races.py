"""Changes at once, changes that a crash or a power cut breaks off, and what they leave."""

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from pacbed import files
from pacbed.commands.systems import change as systems_change
from pacbed.errors import BundleError, PacbedError, RecipeError
from pacbed.files import clear_unfinished, write_atomically
from pacbed.library.changes import install, register_changes, registration, rename
from pacbed.library.changes.install import install_model
from pacbed.library.changes.register_changes import register_lock, remove_system
from pacbed.library.changes.registration import register_recipe
from pacbed.library.recipe import load_recipe
from pacbed.library.register.rows import read_register
from tests.cli_tools import RECIPE
from tests.security.test_data_folder_bounds import BUNDLE, make_bundle


@pytest.fixture
def data(tmp_path):
    """Two registered systems, 42 and 43, and a bundle without a row."""
    folder = tmp_path / "data"
    for number in (42, 43):
        register_recipe(folder, recipe(tmp_path, number, f"first-{number}", 10.0 + number))
    make_bundle(folder / str(BUNDLE) / "models" / "own")
    return folder


def recipe(folder, number, name, thickness):
    path = folder / f"{name}-{thickness:g}.toml"
    text = RECIPE.replace("id = 42", f"id = {number}").replace("recipe-001-200kV", name)
    path.write_text(text.replace("[1.0, 10.0]", f"[1.0, {thickness}]"))
    return load_recipe(path)


def at_once(*works):
    """Do things in threads of their own; what each raised, or None."""
    outcomes = [None] * len(works)

    def run(place, work):
        try:
            work()
        except PacbedError as error:
            outcomes[place] = error

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    return threads, outcomes


@pytest.fixture
def waiting(monkeypatch):
    """Count who waits for the lock of the register, in any part."""
    arrived = threading.Semaphore(0)

    @contextmanager
    def lock(data, *seconds):
        arrived.release()
        with register_lock(data, *seconds):
            yield

    for module in (rename, install, registration):
        monkeypatch.setattr(module, "register_lock", lock)
    return arrived


def test_one_of_two_renames_to_the_same_name_succeeds(data, waiting):
    with register_lock(data):
        threads, outcomes = at_once(
            *(lambda n=number: systems_change.rename(n, "Wanted", data) for number in (42, 43))
        )
        # Both have looked whether the name is free, and wait to take it.
        assert all(waiting.acquire(timeout=60) for _ in threads)
    for thread in threads:
        thread.join()
    refused = [error for error in outcomes if error is not None]
    assert len(refused) == 1
    assert isinstance(refused[0], RecipeError)
    assert 'the name "Wanted" is that of system' in str(refused[0])
    names = [load_recipe(data / str(n) / "recipe.toml").system.name for n in (42, 43)]
    assert names.count("Wanted") == 1


def test_one_of_two_registrations_of_the_same_name_succeeds(data, tmp_path, waiting):
    wanted = [recipe(tmp_path, 50 + n, "Wanted", 30.0 + n) for n in range(2)]
    with register_lock(data):
        threads, outcomes = at_once(*(lambda r=given: register_recipe(data, r) for given in wanted))
        assert all(waiting.acquire(timeout=60) for _ in threads)
    for thread in threads:
        thread.join()
    assert [isinstance(error, RecipeError) for error in outcomes].count(True) == 1
    assert len(read_register(data)) == 3


@pytest.mark.parametrize("other", ["first-43", "FIRST-43", "own", "sto-001-300kV"])
def test_name_of_another_system_is_refused(data, other):
    before = (data / "42" / "recipe.toml").read_bytes()
    with pytest.raises(RecipeError, match="is that of system"):
        rename.rename_system(data, 42, other)
    assert (data / "42" / "recipe.toml").read_bytes() == before
    assert rename.rename_system(data, 42, "first-42")


def test_model_of_a_system_that_was_removed_meanwhile_is_not_entered(data, monkeypatch):
    folder = data / str(BUNDLE) / "models" / "own"
    removed_first(data, BUNDLE, install, monkeypatch)
    with pytest.raises(BundleError):
        install_model(data, folder)
    assert not (data / str(BUNDLE)).exists()


def test_table_of_a_system_that_was_removed_meanwhile_revives_no_folder(
    data, tmp_path, small_table, monkeypatch
):
    removed_first(data, 42, registration, monkeypatch)
    made = register_recipe(data, recipe(tmp_path, 42, "first-42", 52.0), small_table)
    assert made.new
    assert made.recipe.system.id != 42
    assert not (data / "42").exists()


def removed_first(data, number, module, monkeypatch):
    """Have another process remove a system just before a module gets the lock."""
    real = module.register_lock

    def late(folder, *seconds):
        monkeypatch.setattr(module, "register_lock", real)
        remove_system(data, number)
        return real(folder, *seconds)

    monkeypatch.setattr(module, "register_lock", late)


def test_others_need_not_wait_while_a_folder_is_deleted(data, monkeypatch):
    deleting, go_on = threading.Event(), threading.Event()
    real = register_changes.shutil.rmtree

    def slow(path, *arguments, **named):
        if Path(path).name.startswith("42-"):
            deleting.set()
            assert go_on.wait(60)
        real(path, *arguments, **named)

    monkeypatch.setattr(register_changes.shutil, "rmtree", slow)
    threads, outcomes = at_once(lambda: remove_system(data, 42))
    assert deleting.wait(60)
    monkeypatch.setattr(register_changes, "_clear_left_overs", lambda _: None)
    with register_lock(data, 10.0):
        assert [row.id for row in read_register(data)] == [43]
    go_on.set()
    threads[0].join()
    assert outcomes == [None]
    assert not (data / ".removed").exists()


# What a crash leaves


#: A process that is killed when all is written but the name.
DYING = """
import os, pathlib, sys
from pacbed.files import write_atomically
os.replace = lambda *_: os._exit(9)
write_atomically(pathlib.Path(sys.argv[1]), b"half")
"""


def test_next_change_clears_what_a_crash_has_left(data):
    places = [
        data / "Register.csv",
        data / "42" / "recipe.toml",
        data / "42" / "models" / "Register_models.csv",
        data / str(BUNDLE) / "models" / "own" / "bundle.json",
        data / "42" / "simulation" / "lacbed.npz",
    ]
    for path in places:
        child = subprocess.run([sys.executable, "-c", DYING, str(path)], check=False)
        assert child.returncode == 9
    (data / ".removed" / "9-abc" / "models").mkdir(parents=True)
    assert len(unfinished(data)) == len(places)
    rename.rename_system(data, 42, "later")
    assert unfinished(data) == []
    assert not list(data.glob(".removed/*"))


def test_what_a_living_process_writes_is_left_alone(data):
    path = data / "42" / "recipe.toml"
    temporary, handle = files._create_beside(path)
    try:
        rename.rename_system(data, 43, "later")
        assert temporary.exists()
    finally:
        os.close(handle)
    clear_unfinished([path.parent])
    assert not temporary.exists()


def test_only_unfinished_files_are_cleared(tmp_path):
    kept = [".Register.lock", ".hidden.txt", "a.0123456789ab", ".x.0123456789AB"]
    for name in kept:
        (tmp_path / name).write_text("")
    (tmp_path / ".folder.0123456789ab").mkdir()
    (tmp_path / ".link.0123456789ab").symlink_to(tmp_path / kept[0])
    (tmp_path / ".file.0123456789ab").write_text("")
    clear_unfinished([tmp_path, tmp_path / "missing"])
    assert {path.name for path in tmp_path.iterdir()} == {
        *kept, ".folder.0123456789ab", ".link.0123456789ab"
    }  # fmt: skip


def unfinished(data):
    return [path for path in data.rglob(".*") if files._UNFINISHED.fullmatch(path.name)]


# What a power cut leaves


@pytest.fixture
def order(monkeypatch):
    """What is synced and renamed, in order."""
    calls = []
    sync, replace = os.fsync, os.replace

    def synced(handle):
        target = Path(os.readlink(f"/proc/self/fd/{handle}"))
        calls.append(("sync", "folder" if target.is_dir() else "file", target))
        sync(handle)

    def replaced(source, target):
        calls.append(("rename", "file", Path(target)))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    return calls


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")


@needs_proc
def test_content_is_on_the_disk_before_its_name_and_then_the_folder(tmp_path, order):
    write_atomically(tmp_path / "file", b"content")
    assert [call[:2] for call in order] == [
        ("sync", "file"), ("rename", "file"), ("sync", "folder")
    ]  # fmt: skip
    assert order[-1][2] == tmp_path


@needs_proc
def test_what_is_made_again_is_not_waited_for(tmp_path, order):
    write_atomically(tmp_path / "file", b"content", durable=False)
    assert [call[:2] for call in order] == [("rename", "file")]


@needs_proc
def test_system_is_on_the_disk_before_the_row_that_names_it(tmp_path, order):
    data = tmp_path / "data"
    register_recipe(data, recipe(tmp_path, 42, "first", 9.0))
    renamed = [call[2].name for call in order if call[0] == "rename"]
    assert renamed == ["crystal_file.cif", "recipe.toml", "Register.csv"]
    row = order.index(("rename", "file", data / "Register.csv"))
    assert ("sync", "folder", data / "42") in order[:row]
    assert order[-1] == ("sync", "folder", data)


@needs_proc
def test_rename_is_on_the_disk(data, order):
    path = data / str(BUNDLE) / "models" / "own" / "bundle.json"
    rename.rename_system(data, BUNDLE, "later")
    assert json.loads(path.read_text())["system"]["name"] == "later"
    assert order[-1] == ("sync", "folder", path.parent)
