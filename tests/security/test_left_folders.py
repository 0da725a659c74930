"""Temporary folders: those of the dead are removed, those of the living and of others are not."""

import os
import tempfile
import threading

import pytest

from pacbed.held_folder import PREFIX, HeldFolder, remove_dead_folders
from tests.security.processes import program

HOLDER = """
import time
from pacbed.held_folder import HeldFolder
folder = HeldFolder("maps")
(folder.path / "state.json").write_text("{}")
print(folder.path.name, flush=True)
time.sleep(600)
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_dead_one_is_removed_and_living_one_is_not(tmp_path, temporary):
    with program(tmp_path, HOLDER, temporary) as holder, HeldFolder("upload") as mine:
        theirs = holder.stdout.readline().decode().strip()
        assert names(temporary) == sorted([theirs, mine.name])
        remove_dead_folders()
        assert names(temporary) == sorted([theirs, mine.name])
        assert (temporary / theirs / "state.json").exists()
        holder.kill()
        holder.wait()
        remove_dead_folders()
        assert names(temporary) == [mine.name]
    assert names(temporary) == []


def test_nothing_of_others_is_touched(tmp_path, temporary):
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o700)
    (victim / "kept").touch()
    (temporary / f"{PREFIX}link").symlink_to(victim, target_is_directory=True)
    open_to_all = temporary / f"{PREFIX}open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (temporary / f"{PREFIX}file").touch()
    (temporary / "pacbed-of-something-else").mkdir(mode=0o700)
    inside = temporary / f"{PREFIX}dead"
    inside.mkdir(mode=0o700)
    (inside / "link").symlink_to(victim, target_is_directory=True)
    locked_elsewhere = temporary / f"{PREFIX}trick"
    locked_elsewhere.mkdir(mode=0o700)
    (locked_elsewhere / ".alive").symlink_to(victim / "kept")
    before = set(names(temporary))
    remove_dead_folders()
    assert before - set(names(temporary)) == {inside.name}
    assert (victim / "kept").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a folder away")
def test_folder_of_another_user_stays(temporary):
    other = temporary / f"{PREFIX}other"
    other.mkdir(mode=0o700)
    os.chown(other, 12345, 12345)
    remove_dead_folders()
    assert other.exists()


def test_folders_are_made_while_others_are_removed(temporary):
    """One that is not yet held looks like one that was left."""
    over = threading.Event()

    def remove():
        while not over.is_set():
            remove_dead_folders()

    remover = threading.Thread(target=remove)
    remover.start()
    try:
        for _ in range(300):
            with HeldFolder("upload") as path:
                (path / "content").write_bytes(b"1")
                assert (path / "content").exists()
    finally:
        over.set()
        remover.join()
    assert names(temporary) == []
