"""A process that reads files is killed: whose fault that is, and who pays for it."""

import io
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from pacbed.errors import FileFormatError
from pacbed.service import reader_pool
from pacbed.service.app import create_app
from pacbed.service.failures import FileTimeoutError
from pacbed.service.reader_pool import ReaderPool
from pacbed.service.settings import Settings
from tests.service.conftest import URL
from tests.service.malformed import good_files

PATTERN = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
SECONDS = 60.0


@pytest.fixture
def pool():
    pool = ReaderPool(SECONDS, 0)
    yield pool
    pool.close()


@pytest.fixture
def pattern(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, PATTERN)
    return path


@pytest.fixture
def kills(monkeypatch):
    """Kill the next so many processes while they have a file; `kills[0]` counts down."""
    left = [0]
    exchange = reader_pool._Reader._exchange

    def killed(reader, asked):
        if left[0] > 0:
            left[0] -= 1
            os.kill(reader._process.pid, signal.SIGKILL)
            reader._process.wait()
        return exchange(reader, asked)

    monkeypatch.setattr(reader_pool._Reader, "_exchange", killed)
    return left


def test_a_reader_killed_while_it_waits_harms_no_file(pool, pattern):
    assert np.array_equal(pool.read(pattern, "a.npy", 0).data, PATTERN)
    reader = pool._idle.queue[0]
    os.kill(reader._process.pid, signal.SIGKILL)
    reader._process.wait()
    assert np.array_equal(pool.read(pattern, "a.npy", 0).data, PATTERN)


def test_a_file_is_read_once_more_where_its_reader_is_killed(pool, pattern, kills):
    kills[0] = 1
    assert np.array_equal(pool.read(pattern, "a.npy", 0).data, PATTERN)
    assert kills[0] == 0


def test_a_file_that_ends_its_reader_twice_is_named(pool, pattern, kills):
    kills[0] = 2
    with pytest.raises(FileFormatError, match=r"mine\.npy: ended the process that reads it, twice"):
        pool.read(pattern, "mine.npy", 0)
    assert np.array_equal(pool.read(pattern, "a.npy", 0).data, PATTERN)


def test_no_program_is_taken_from_the_current_folder(pattern, tmp_path, monkeypatch):
    (tmp_path / "h5py.py").write_text("from pathlib import Path\nPath('mark').touch()\n")
    (tmp_path / "tifffile.py").write_text("from pathlib import Path\nPath('mark').touch()\n")
    monkeypatch.chdir(tmp_path)
    pool = ReaderPool(SECONDS, 0)
    try:
        assert np.array_equal(pool.read(pattern, "a.npy", 0).data, PATTERN)
    finally:
        pool.close()
    assert not (tmp_path / "mark").exists()


def test_both_attempts_share_one_time_limit(pattern, kills):
    pool = ReaderPool(1e-3, 0)
    try:
        with pytest.raises(FileTimeoutError):
            pool.read(pattern, "a.npy", 0)
    finally:
        pool.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted on Linux")
@pytest.mark.parametrize("kind", ["hspy", "emd", "tif", "dm4"])
def test_no_file_stays_open(pool, tmp_path, kind):
    def open_files():
        return len(list(Path(f"/proc/{pool._idle.queue[0]._process.pid}/fd").iterdir()))

    content = good_files(tmp_path, PATTERN)[kind]
    counts = []
    for number in range(4):
        path = tmp_path / f"{number}.{kind}"
        path.write_bytes(content)
        pool.read(path, "a", 0)
        # Another one, so that the last request is surely over.
        with pytest.raises(FileFormatError):
            pool.read(tmp_path / "none.npy", "a", 0)
        counts.append(open_files())
    assert counts[1] == counts[-1]


def test_the_service_goes_on(kills):
    stored = io.BytesIO()
    np.save(stored, PATTERN)
    with TestClient(create_app(Settings(threads=1)), URL, raise_server_exceptions=False) as client:

        def look():
            return client.post("/preview/", files={"file": ("a.npy", stored.getvalue())})

        kills[0] = 1
        assert look().status_code == 200
        kills[0] = 2
        answer = look()
        assert answer.status_code == 400
        assert answer.json()["code"] == "file"
        assert answer.json()["detail"].startswith("a.npy: ended the process")
        assert look().status_code == 200
