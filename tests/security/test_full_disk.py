"""A full disk is told as such: 507 and what is full, never that the file is bad."""

import errno
import io
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from pacbed.errors import DiskFullError, FileFormatError
from pacbed.files import is_full, telling_full, write_atomically
from pacbed.service import uploads
from pacbed.service.maps import process as map_process
from pacbed.service.maps.jobs import REQUEST, SCAN, JobStore
from pacbed.service.maps.schemas import MapJob
from pacbed.service.maps.worker import MapWorker
from pacbed.service.metrics import Metrics
from tests.security.watching import watched_environment
from tests.service.conftest import (  # noqa: F401
    Server,
    example,
    free_port,
    make_client,
    post,
    raw_parameters,
)
from tests.service.test_serve import request_of

FULL = (errno.ENOSPC, errno.EDQUOT)
PARAMETERS = {"system": "sto-001-300kV", "convergence_angle": 20}


def full(number):
    def fail(*_, **__):
        raise OSError(number, "no room")

    return fail


def as_npy(pattern):
    buffer = io.BytesIO()
    np.save(buffer, pattern)
    return buffer.getvalue()


def check(answer, words="temporary folder is full"):
    assert answer.status_code == 507, answer.text
    assert answer.json()["code"] == "disk_full"
    assert words in answer.json()["detail"]
    assert tempfile.gettempdir() not in answer.text


@pytest.mark.parametrize("number", FULL)
def test_upload_that_finds_no_space(make_client, example, monkeypatch, number):  # noqa: F811
    client = make_client()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full(number))
        check(post(client, PARAMETERS, as_npy(example), "pattern.npy"))
    # The next one, for which there is space, is answered.
    assert post(client, PARAMETERS, as_npy(example), "pattern.npy").status_code == 200


def test_nothing_is_left_of_an_upload_that_finds_no_space(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with uploads.Upload(b"content", "a.npy") as upload:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", full(errno.ENOSPC))
            with pytest.raises(DiskFullError):
                upload.stored(".npy")
        assert list(tmp_path.iterdir()) == []
        # Half a file would be read as a bad one.
        assert upload.stored(".npy").read_bytes() == b"content"


@pytest.mark.parametrize("number", FULL)
def test_body_that_finds_no_space_on_its_way(make_client, example, monkeypatch, number):  # noqa: F811
    client = make_client()
    large = as_npy(np.zeros((700, 1000), np.uint16) + example[0, 0])
    with monkeypatch.context() as patch:
        patch.setattr(tempfile.SpooledTemporaryFile, "rollover", full(number))
        check(post(client, PARAMETERS, large, "pattern.npy"))


def test_scan_that_finds_no_space(make_client, tmp_path, monkeypatch):  # noqa: F811
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    client = make_client(map_folder=jobs)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full(errno.ENOSPC))
        scan = as_npy(np.zeros((2, 2, 64, 64), np.uint16))
        asked = {"system": "sto-001-300kV", "convergence_mrad": 20}
        answer = post(client, asked, scan, "scan.npy", "/maps/")
    check(answer, "folder of maps is full")
    # Of the job; the worker's own lock stays as long as it lives.
    assert [path for path in jobs.iterdir() if path.is_dir()] == []


def test_map_that_finds_no_space_says_so(tmp_path, monkeypatch):
    folder = JobStore(tmp_path, 1, 60.0).create()
    request = {"name": "a", "scan": "b", "bundle": "c", "mask": None, "mask_name": None}
    (folder.path / REQUEST).write_text(json.dumps(request))
    monkeypatch.setattr(map_process, "limit_memory", lambda _: None)
    monkeypatch.setattr(map_process, "end_with_the_service", lambda: None)
    monkeypatch.setattr(map_process, "NICENESS", 0)
    for error in (OSError(errno.ENOSPC, "no room"), DiskFullError("no room")):

        def fail(*_, error=error):
            raise error

        monkeypatch.setattr(map_process, "_make", fail)
        monkeypatch.setattr(map_process, "write_atomically", full(errno.ENOSPC))
        assert map_process.main(folder.path, 0) == map_process.FULL


def test_job_whose_map_finds_no_space_fails_by_that_name(tmp_path, monkeypatch):
    folder = JobStore(tmp_path, 1, 60.0).create()
    (folder.path / f"{SCAN}.npy").write_bytes(b"scan")
    worker = MapWorker(60.0, 0, 60.0, Metrics())
    folder.write(MapJob(id=folder.id, stage="inferring", name="a"))
    monkeypatch.setattr(worker, "attend", lambda *_: ("disk_full", map_process.FULL))
    worker._make(folder)
    job = folder.read()
    assert job is not None
    assert (job.stage, job.code) == ("failed", "disk_full")
    assert "folder of maps is full" in str(job.detail)
    assert not (folder.path / f"{SCAN}.npy").exists()


@pytest.mark.parametrize("number", FULL)
def test_writing_to_a_full_disk_names_the_file(tmp_path, monkeypatch, number):
    monkeypatch.setattr("os.fsync", full(number))
    with pytest.raises(DiskFullError, match="result: cannot be written, the disk is full"):
        write_atomically(tmp_path / "result", b"content")
    assert list(tmp_path.iterdir()) == []


def test_other_faults_are_not_taken_for_a_full_disk(tmp_path):
    with pytest.raises(FileFormatError) as caught:
        write_atomically(tmp_path / "nowhere" / "file", b"")
    assert not isinstance(caught.value, DiskFullError)
    assert not is_full(caught.value)
    with pytest.raises(PermissionError), telling_full("the folder"):
        raise PermissionError(errno.EACCES, "no")


@pytest.mark.skipif(sys.platform != "linux", reason="makes a small disk on Linux alone")
def test_service_whose_temporary_folder_is_a_full_disk(tmp_path, example):  # noqa: F811
    small, work = tmp_path / "small", tmp_path / "work"
    small.mkdir()
    work.mkdir()
    unshare = shutil.which("unshare")
    mount = f"mount -t tmpfs -o size=64k tmpfs {small}"
    if unshare is None or subprocess.run(
        [unshare, "-rm", "sh", "-c", mount], capture_output=True, check=False
    ).returncode:  # fmt: skip
        pytest.skip("this system lets nobody mount a small disk of his own")
    port = free_port()
    program = "from pacbed.cli import main; main()"
    command = f"{mount} && exec {sys.executable} -c '{program}' serve --port {port}"
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [unshare, "-rm", "sh", "-c", command], cwd=work, stdout=output, stderr=output,
            env=watched_environment(tmp_path, small),
        )  # fmt: skip
        server = Server(process, port, log)
        try:
            server.wait_until_ready()
            status, body = ask(server, as_npy(example))
            assert (status, body["code"]) == (507, "disk_full")
            assert server.get("/health/live")
            # Raw pixels need no file, and go on being answered.
            assert ask(server, example.tobytes(), raw_parameters(example))[0] == 200
        finally:
            server.stop()


def ask(server, content, parameters=PARAMETERS):
    import urllib.error
    import urllib.request

    class _Content:
        shape, dtype = (256, 256), "uint16"

        def tobytes(self):
            return content

    request = request_of(server, _Content())
    text = json.dumps(parameters).encode()
    request.data = request.data.replace(
        json.dumps(raw_parameters(_Content())).encode(), text
    ).replace(b'filename="image"', b'filename="image.npy"')
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())
