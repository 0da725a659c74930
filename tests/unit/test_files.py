"""Files are written whole or not at all."""

import os
import stat

import pytest

from pacbed.errors import FileFormatError
from pacbed.files import write_atomically


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def test_content_and_mode(tmp_path, umask):
    path = tmp_path / "file"
    write_atomically(path, b"first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_the_umask_is_never_touched(tmp_path, monkeypatch):
    """It belongs to the whole process: another thread would write with the wrong one."""

    def touched(mask):
        raise AssertionError("the umask was changed")

    monkeypatch.setattr(os, "umask", touched)
    write_atomically(tmp_path / "file", b"content")


def test_nothing_is_left_of_a_failure(tmp_path, monkeypatch):
    with pytest.raises(FileFormatError, match="nowhere"):
        write_atomically(tmp_path / "nowhere" / "file", b"")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(FileFormatError, match="No space left"):
        write_atomically(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == []
