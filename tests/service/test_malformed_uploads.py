"""Malformed uploads: each refused in words, memory bounded, the next request answered."""

import io
import re
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from pacbed.service import reader_pool
from tests.service.conftest import post, raw_parameters
from tests.service.malformed import KNOWN, ODD_NAMES, every_upload, good_files

#: What the reading processes may need beyond the service itself, MiB.
_MEMORY_MIB = 2500


@pytest.fixture
def reader_peaks(monkeypatch):
    """Largest resident memory of a reading process after each file and at its end, KiB (Linux).

    What the system counts for all children together holds those of other tests too.
    """
    peaks = []

    def note(reader):
        status = Path(f"/proc/{reader._process.pid}/status")
        if reader._process.poll() is None and status.exists():
            found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
            if found:
                peaks.append(int(found.group(1)))

    class Watched(reader_pool._Reader):
        def ask(self, *arguments):
            answer = super().ask(*arguments)
            note(self)
            return answer

        def stop(self):
            note(self)
            super().stop()

    monkeypatch.setattr(reader_pool, "_Reader", Watched)
    return peaks


@pytest.mark.slow
def test_every_malformed_upload_is_refused_in_words(
    make_client, example, tmp_path, monkeypatch, reader_peaks
):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    client = make_client()
    uploads = every_upload(tmp_path)
    assert len(uploads) >= 200
    valid = raw_parameters(example, validation=False, refine=False)
    post(client, valid, example.tobytes())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number, upload in enumerate(uploads):
        response = post(client, upload.parameters, upload.content, upload.name)
        where = f"{upload.title}: {response.status_code} {response.text[:300]}"
        assert 400 <= response.status_code < 500, where
        problem = response.json()
        assert set(problem) - {"field"} == {"code", "detail"}, where
        assert 10 < len(problem["detail"]) < 1200, where
        assert "Traceback" not in problem["detail"], where
        assert str(scratch) not in problem["detail"], where
        assert "--frame" not in problem["detail"], where
        assert not re.search(r"\bpacbed\.|0x[0-9a-f]{6}", problem["detail"]), where
        if number % 40 == 0:
            assert post(client, valid, example.tobytes()).status_code == 200, where
    assert post(client, valid, example.tobytes()).status_code == 200
    # Kilobytes, but bytes on macOS.
    unit = 1024 if sys.platform == "darwin" else 1
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / unit
    assert grown < 600 * 1024
    assert reader_peaks or sys.platform != "linux"
    assert max(reader_peaks, default=0) < _MEMORY_MIB * 1024
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_of_good_files_are_only_names(client, example, name):
    buffer = io.BytesIO()
    np.save(buffer, example)
    parameters = {**KNOWN, "file_params": {"typ": "npy"}}
    assert post(client, parameters, buffer.getvalue(), name).status_code == 200
    shown = client.post("/preview/", files={"file": (name, buffer.getvalue())}).json()["name"]
    assert not set(shown) & set("/\\\t\u202e")
    assert len(shown) <= 80


def test_flipped_bits_never_break_the_service(client, tmp_path):
    generator = np.random.default_rng(3)
    pattern = (generator.random((64, 64)) * 1000).astype(np.uint16)
    files = good_files(tmp_path, pattern)
    for kind, content in files.items():
        for _ in range(6):
            damaged = bytearray(content)
            # The headers lie at the ends; the pixels between them may be anything.
            for place in generator.integers(0, min(1500, len(damaged)), 4):
                damaged[place] ^= 1 << int(generator.integers(8))
            response = post(client, KNOWN, bytes(damaged), f"a.{kind}")
            assert response.status_code < 500, (kind, response.text)


def test_a_file_that_takes_too_long_is_given_up(make_client, tmp_path):
    client = make_client(read_seconds=0.001)
    files = good_files(tmp_path, np.arange(64 * 64, dtype=np.uint16).reshape(64, 64))
    response = post(client, KNOWN, files["dm4"], "a.dm4")
    assert response.status_code == 400
    assert response.json()["code"] == "file_too_slow"


def test_a_file_that_needs_too_much_memory_is_given_up(make_client, tmp_path):
    client = make_client(reader_memory_mib=700)
    large = np.zeros((8000, 8000), np.uint16)
    large[::7] = 9
    buffer = io.BytesIO()
    np.save(buffer, large)
    response = post(client, KNOWN, buffer.getvalue(), "a.npy")
    assert response.status_code in (400, 422), response.text
    small = good_files(tmp_path, np.arange(64 * 64, dtype=np.uint16).reshape(64, 64))["npy"]
    assert client.post("/preview/", files={"file": ("a.npy", small)}).status_code == 200


def test_scratch_is_private(client, monkeypatch, tmp_path, example):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    modes = []
    original = Path.write_bytes

    def spy(path, content):
        modes.append(path.parent.stat().st_mode & 0o777)
        return original(path, content)

    monkeypatch.setattr(Path, "write_bytes", spy)
    buffer = io.BytesIO()
    np.save(buffer, example)
    client.post("/preview/", files={"file": ("a.npy", buffer.getvalue())})
    assert modes == [0o700]
    assert list(tmp_path.iterdir()) == []
