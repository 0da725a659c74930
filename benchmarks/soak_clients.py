"""Clients of the soak: good ones, whose answers are compared, bad ones, and silent ones."""

import http.client
import io
import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
from service_tools import multipart

import pacbed

ROOT = Path(__file__).parent.parent
SYSTEM = "sto-001-300kV"
EXAMPLE = np.load(ROOT / "examples" / f"{SYSTEM}_42nm.npy")
CONVERGENCE_MRAD = 20.0
#: Answers of service and library differ at most so, relatively: threads sum in another order.
TOLERANCE = 1e-4
MAP = {"system": SYSTEM, "convergence_mrad": CONVERGENCE_MRAD, "window": [2, 2], "refine": False,
       "samples": 2}  # fmt: skip
HEADERS = {"Content-Type": "multipart/form-data; boundary=b"}


class Tally:
    """What clients got; shared by threads.

    Attributes
    ----------
    counts : Counter
        By client and outcome.
    wrong : list of str
        Answers that should have been others.
    """

    def __init__(self):
        self.counts = Counter()
        self.wrong = []
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def add(self, client, outcome, right=True, what=""):
        with self._lock:
            self.counts[client, str(outcome)] += 1
            if not right:
                after = time.monotonic() - self._began
                self.wrong.append(f"{client} after {after:.0f} s: {outcome} {what}")


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def form(parameters, content, name):
    """Body and headers of a request with a file in a format of its own."""
    part = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    body = part % (b"parameters", b"", json.dumps(parameters).encode())
    return body + part % (b"file", b'; filename="%s"' % name, content) + b"--b--\r\n", HEADERS


def exchange(port, method, path, body=None, headers=None):
    """Status and content of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=150)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


class Good:
    """Requests that have an answer, and the library's answer to each."""

    def __init__(self):
        predictor = pacbed.open_predictor(pacbed.load_bundle(SYSTEM))
        self._cases = []
        asked = {"system": SYSTEM, "convergence_angle": CONVERGENCE_MRAD}
        for number, (refine, picture) in enumerate([(True, True), (False, False), (True, "report"),
                                                    (False, True)]):  # fmt: skip
            pattern = np.roll(EXAMPLE, (3 * number, -2 * number), axis=(0, 1))
            found = predictor.infer(pattern, CONVERGENCE_MRAD, refine=refine)
            extra = {"refine": refine, "validation": picture}
            file = form(asked | extra, npy(pattern), b"a.npy")
            self._cases.append(("/inference/", multipart(pattern, **extra), [found]))
            self._cases.append(("/inference/", file, [found]))
        stack = np.stack([EXAMPLE, np.roll(EXAMPLE, 5, axis=0)])
        both = [predictor.infer(each, CONVERGENCE_MRAD, refine=False) for each in stack]
        self._cases.append(("/inference/batch/", multipart(stack, refine=False), both))

    def run(self, port, tally, over, number):
        """Ask one question after the other."""
        turn = number
        while time.monotonic() < over:
            turn += 1
            self.ask(port, tally, turn)

    def ask(self, port, tally, turn):
        """Ask one question and compare."""
        path, request, expected = self._cases[turn % len(self._cases)]
        try:
            status, content = exchange(port, "POST", path, *request)
        except (OSError, http.client.HTTPException) as error:
            tally.add("good", type(error).__name__, False, str(error))
            return
        if status == 503:  # not accepted
            tally.add("good", status)
            time.sleep(0.2)
            return
        answer = json.loads(content)
        if status == 200:
            answers = [each["answer"] for each in answer["results"]] if "results" in answer \
                else [answer]  # fmt: skip
            right = all(map(agrees, answers, expected))
        else:
            right = False
        tally.add("good", status, right, content[:300].decode())

    def __len__(self):
        return len(self._cases)


def agrees(answer, estimate):
    """Whether an answer is the library's estimate."""
    return answer["status"] == estimate.status and np.allclose(
        [answer["thickness_nm"], answer["mistilt_mrad"], answer["thickness_std_nm"]],
        [estimate.thickness_nm, estimate.mistilt_mrad, estimate.thickness_std_nm],
        rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True,
    )  # fmt: skip


class Maps:
    """Thickness maps of a small scan, compared with those of ``pacbed map``."""

    def __init__(self, folder):
        random_numbers = np.random.default_rng(3)
        scan = random_numbers.poisson(np.broadcast_to(EXAMPLE[::4, ::4], (6, 8, 64, 64)))
        path, made = folder / "scan.npy", folder / "map.npz"
        np.save(path, scan.astype(np.uint16))
        subprocess.run(
            [sys.executable, "-c", "from pacbed.cli import main; main()", "map", str(path), "-o",
             str(made), "--system", SYSTEM, "--convergence", f"{CONVERGENCE_MRAD:g}", "--window",
             "2", "--no-refine", "--samples", "2"], check=True, capture_output=True,
        )  # fmt: skip
        with np.load(made) as found:
            self._expected = found["thickness_nm"]
        self._request = form(MAP, path.read_bytes(), b"scan.npy")

    def start(self, port):
        """Start one map; its job."""
        status, content = exchange(port, "POST", "/maps/", *self._request)
        return json.loads(content) if status == 202 else None

    def run(self, port, tally, over, pause_seconds):
        """Make one map after the other, with pauses."""
        while time.monotonic() < over:
            self.make(port, tally)
            time.sleep(max(0.0, min(pause_seconds, over - time.monotonic())))

    def make(self, port, tally):
        """Make one map and compare."""
        try:
            job = self.start(port)
            if job is None:
                tally.add("maps", "refused")
                return
            path = f"/maps/{job['id']}"
            while job["stage"] not in ("done", "failed"):
                time.sleep(0.3)
                job = json.loads(exchange(port, "GET", path)[1])
            if job["stage"] == "failed":
                tally.add("maps", "failed", False, job["detail"])
                return
            with np.load(io.BytesIO(exchange(port, "GET", f"{path}/file")[1])) as found:
                right = np.allclose(
                    found["thickness_nm"], self._expected, rtol=TOLERANCE, equal_nan=True
                )
            tally.add("maps", "done", right, "another thickness")
            exchange(port, "DELETE", path)
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            tally.add("maps", type(error).__name__, False, str(error))


def bad_requests():
    """Requests that no service can answer."""
    asked = {"system": SYSTEM, "convergence_angle": CONVERGENCE_MRAD}
    noise = random.Random(7).randbytes(5000)
    bomb = npy(EXAMPLE).replace(b"(256, 256)", b"(9999,999)")
    requests = [
        multipart(EXAMPLE, mrad_per_pixel=-1),
        multipart(np.zeros_like(EXAMPLE)),
        multipart(EXAMPLE, file_params={"typ": "dm4"}),
        form({"system": "unobtainium"}, npy(EXAMPLE), b"a.npy"),
        form(asked, bomb, b"a.npy"),
        form(asked, b"[" * 100_000, b"a.npy"),
        (b"[" * 100_000, {"Content-Type": "application/json"}),
        (b"--b\r\n" * 100, HEADERS),
        (form("[" * 60_000, b"", b"a")[0], HEADERS),
    ]
    endings = (b"dm3", b"dm4", b"emd", b"hspy", b"tif", b"png", b"mrc", b"blo", b"mib", b"npy")
    requests += [form(asked, noise, b"a." + ending) for ending in endings]
    return [("/inference/", *request) for request in requests]


def run_bad(port, tally, over):
    """Send what is wrong, and now and then go away before the answer."""
    requests, turn = bad_requests(), 0
    while time.monotonic() < over:
        turn += 1
        path, body, headers = requests[turn % len(requests)]
        try:
            if turn % 7 == 0:
                leave(port, path, body, headers)
                tally.add("bad", "left")
            else:
                status, content = exchange(port, "POST", path, body, headers)
                tally.add("bad", status, 400 <= status < 500 or status == 503, content[:300])
        except (OSError, http.client.HTTPException) as error:
            # Refused before the whole body was sent.
            tally.add("bad", type(error).__name__)
        time.sleep(0.05)


def leave(port, path, body, headers):
    """Send a request and close the connection at once."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, body, headers)
    connection.close()


def run_silent(port, tally, over):
    """Open a connection, send a part of a request, and wait for the service to give up."""
    turn = 0
    while time.monotonic() < over:
        turn += 1
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as one:
                head = b"POST /inference/ HTTP/1.1\r\nHost: localhost\r\n"
                if turn % 2:
                    head += b"Content-Type: multipart/form-data; boundary=b\r\n"
                    head += b"Content-Length: 1000\r\n\r\n--b"
                one.sendall(head)
                tally.add("silent", closed_by(one, min(over, time.monotonic() + 120)))
        except OSError as error:
            tally.add("silent", type(error).__name__)
            time.sleep(0.5)


def closed_by(one, over):
    """Who ended the connection."""
    while time.monotonic() < over:
        try:
            if not one.recv(1000):
                return "closed by the service"
        except TimeoutError:
            continue
    return "closed by the client"
