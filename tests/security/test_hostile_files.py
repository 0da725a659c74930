"""Hostile files of every format, sent to a real service: none gets anything, all else goes on."""

import base64
import io
import json
import multiprocessing
import secrets
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import h5py
import httpx2
import numpy as np
import pytest

from pacbed.errors import PacbedError
from pacbed.readers import EXTENSIONS as PATTERNS
from pacbed.scans.files import EXTENSIONS as SCANS
from tests.security.hostile_files import SCAN, SIDE, hostile_patterns, hostile_scans
from tests.service.conftest import serving

KNOWN = {"system": "sto-001-300kV", "convergence_angle": 20, "validation": False, "refine": False}
MAP = {"system": "sto-001-300kV", "convergence_mrad": 20, "window": [1, 1], "samples": 2}
#: Address space of the process that opens scans, as of the service's own.
MEMORY_MIB = 8192
PATIENCE_SECONDS = 120
#: One server, and the files made once.
pytestmark = pytest.mark.xdist_group("hostile files")


@pytest.fixture(scope="module")
def token():
    return secrets.token_hex(16)


@pytest.fixture(scope="module")
def canary(tmp_path_factory, token):
    """Files that the service may read, and must not."""
    folder = tmp_path_factory.mktemp("canary")
    pixels = np.resize(np.frombuffer(token.encode(), "u1"), SCAN)
    (folder / "canary.raw").write_bytes(pixels.tobytes())
    with h5py.File(folder / "canary.h5", "w") as file:
        file.create_dataset("z", data=pixels, chunks=True)
    return folder


@pytest.fixture(scope="module")
def patterns(tmp_path_factory, canary):
    return hostile_patterns(tmp_path_factory.mktemp("patterns"), canary)


@pytest.fixture(scope="module")
def scans(tmp_path_factory, canary):
    return hostile_scans(tmp_path_factory.mktemp("scans"), canary)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    settings = {"PACBED_MAP_JOBS": "40", "PACBED_THREADS": "1"}
    with (
        serving(tmp_path_factory.mktemp("server"), environment=settings) as server,
        httpx2.Client(base_url=server.url, timeout=PATIENCE_SECONDS) as client,
    ):
        yield client


def as_npy(array):
    stored = io.BytesIO()
    np.save(stored, array)
    return stored.getvalue()


def tells_nothing(answer, token: str, where: str) -> None:
    """No byte of a file of the server is in an answer."""
    assert answer.status_code in (200, 400, 415, 422), f"{where}: {answer.text[:300]}"
    assert token not in answer.text, where
    assert "root:" not in answer.text, where
    if answer.status_code == 200:
        shown = base64.b64decode(answer.json().get("picture", ""))
        assert token.encode() not in shown, where
        return
    problem = answer.json()
    assert set(problem) == {"code", "detail"}, where
    assert problem["detail"].isprintable(), where
    assert "Traceback" not in problem["detail"], where


def test_there_is_enough_of_every_format(patterns, scans):
    assert len(patterns) + len(scans) >= 150
    assert len({(each.name, each.content) for each in patterns + scans}) >= 150
    kinds = {Path(each.name).suffix for each in patterns + scans}
    alike = {".jpeg", ".tiff", ".hdf5", ".bin", ".dat"}
    assert set(PATTERNS) | set(SCANS) <= kinds | alike


@pytest.mark.slow
def test_hostile_patterns(client, patterns, token):
    good = {"file": ("good.npy", as_npy(np.arange(SIDE * SIDE, dtype="u2").reshape(SIDE, SIDE)))}
    for number, each in enumerate(patterns):
        file = {"file": (each.name, each.content)}
        answer = client.post("/preview/", files=file)
        tells_nothing(answer, token, each.title)
        if each.leads:
            assert answer.status_code == 400, each.title
        if number % 5 == 0:
            parameters = {"parameters": json.dumps(KNOWN)}
            answer = client.post("/inference/", data=parameters, files=file)
            tells_nothing(answer, token, each.title)
        assert client.post("/preview/", files=good).status_code == 200, each.title
    assert client.get("/health/ready").status_code == 200


def _limit() -> None:
    from pacbed.service.reader_process import limit_memory

    limit_memory(MEMORY_MIB)
    warnings.simplefilter("ignore")


def _read(path: str, scan_shape: tuple[int, int]) -> str | bytes:
    """Read a whole scan as the process of a map does; the words of the refusal where it is none."""
    from pacbed.scans.files import RawLayout, open_scan

    raw = RawLayout((*scan_shape, SIDE, SIDE)) if path.endswith(".raw") else None
    try:
        scan = open_scan(Path(path), raw, alone=True)
        # Of a scan that claims to be huge, what fits into the memory of a map.
        return scan.read(0, 1).tobytes()
    except PacbedError as error:
        return str(error)
    except (MemoryError, Exception) as error:  # the service answers these in words as well
        return type(error).__name__


@pytest.mark.slow
def test_hostile_scans(scans, token, tmp_path):
    """In one process that has the limits of the service's; it must not end."""
    good = tmp_path / "good.npy"
    good.write_bytes(as_npy(np.ones(SCAN, "u2")))
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawning, initializer=_limit) as pool:
        for number, each in enumerate(scans):
            folder = tmp_path / str(number)
            folder.mkdir()
            path = folder / f"scan{Path(each.name).suffix}"
            path.write_bytes(each.content)
            said = pool.submit(_read, str(path), SCAN[:2]).result(PATIENCE_SECONDS)
            if each.leads:
                assert isinstance(said, str), each.title
            told = said.encode() if isinstance(said, str) else said
            assert token.encode() not in told, each.title
            assert b"root:" not in told, each.title
            answer = pool.submit(_read, str(good), SCAN[:2]).result(PATIENCE_SECONDS)
            assert answer == np.ones(SCAN[1:], "u2").tobytes(), each.title


@pytest.mark.slow
def test_hostile_scans_as_maps(client, scans, token):
    """One of each kind through the service, and a good scan after them."""
    chosen = {}
    for each in scans:
        if each.leads:
            chosen.setdefault(each.title.split(" to ")[0], each)
    assert len(chosen) > 4
    jobs = {}
    for each in chosen.values():
        files = {"parameters": (None, json.dumps(MAP)), "file": (each.name, each.content)}
        answer = client.post("/maps/", files=files)
        assert answer.status_code == 202, each.title
        jobs[each.title] = answer.json()["id"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    for title, job in jobs.items():
        while (state := client.get(f"/maps/{job}").json())["stage"] not in ("done", "failed"):
            assert time.monotonic() < deadline, state
            time.sleep(0.1)
        assert state["stage"] == "failed", title
        assert token not in json.dumps(state), title
        assert "root:" not in json.dumps(state), title
        assert client.get(f"/maps/{job}/file").status_code == 409
    files = {
        "parameters": (None, json.dumps(MAP)),
        "file": ("good.npy", as_npy(np.ones(SCAN, "u2"))),
    }
    assert client.post("/maps/", files=files).status_code == 202
