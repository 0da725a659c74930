"""A stand-in for the service, which follows its wire format and can be made to fail."""

import base64
import io
import json
import re
import struct
import threading
import time
import urllib.parse
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

SYSTEMS = [
    {
        "id": 2, "name": "sto-001-200kV", "material": "Strontium titanate", "composition": "SrTiO3",
        "zone_axis": [0, 0, 1], "high_tension_kV": 200.0, "convergence_mrad": [8.0, 25.0],
        "thickness_nm": [1.0, 100.0], "mistilt_mrad": [0.0, 8.0],
    },
    {
        "id": 7, "name": "odd-100kV", "material": "Müller's \"α\\β\"", "composition": "X",
        "zone_axis": [1, -1, 0], "high_tension_kV": 100.0, "convergence_mrad": [8.0, 25.0],
        "thickness_nm": [1.0, 100.0], "mistilt_mrad": [0.0, 8.0],
    },
]  # fmt: skip
DTYPES = {f"{kind}{bits}" for kind in ("uint", "int") for bits in (8, 16, 32, 64)}
DTYPES |= {"float32", "float64"}


def png(pixels):
    """Encode an RGB array as PNG, without filters."""
    height, width, _ = pixels.shape

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


#: What every validation picture of the stand-in shows: rows, columns and channels differ.
PICTURE = np.arange(6 * 10 * 3, dtype=np.uint8).reshape(6, 10, 3)


class RefusalError(Exception):
    """An answer with an error status."""

    def __init__(self, status, detail, code="parameters"):
        super().__init__(status, detail, code)
        self.status, self.answer = status, {"code": code, "detail": detail}


class Service(ThreadingHTTPServer):
    """The stand-in.

    Attributes
    ----------
    requests : list of dict
        What was asked: path, and parameters and pattern of an inference.
    behave : callable or None
        Called with the handler before the answer; may answer itself and return True.
    nested : bool
        Whether the estimate stands under a key of its own.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests = []
        self.behave = None
        self.nested = True
        self.most_at_once = 0
        self.at_once = 0
        self.lock = threading.Lock()

    @property
    def port(self):
        return self.server_address[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def handle_error(self, request, client_address):
        """Stay quiet where a client has gone away, as the tests make some do."""


@contextmanager
def running_service():
    service = Service()
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        thread.join()
        service.server_close()


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        self._answer(b"")

    def do_POST(self):
        self._answer(None)

    def _answer(self, body):
        with self.server.lock:
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        try:
            if self.server.behave and self.server.behave(self):
                return
            if body is None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                self.reply(200, self._result(body))
            except RefusalError as refusal:
                self.reply(refusal.status, refusal.answer)
        finally:
            with self.server.lock:
                self.server.at_once -= 1

    def reply(self, status, answer, headers=()):
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode("utf-8")
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _result(self, body):
        url = urllib.parse.urlsplit(self.path)
        request = {"path": url.path, "query": dict(urllib.parse.parse_qsl(url.query))}
        self.server.requests.append(request)
        if url.path == "/systems":
            return SYSTEMS
        if url.path == "/pattern/":
            file = io.BytesIO()
            np.save(file, np.full((4, 5), float(request["query"]["thickness_nm"]), np.float32))
            return file.getvalue()
        if url.path == "/stage/":
            parts = parse_multipart(body, self.headers["Content-Type"])
            request["parameters"] = asked = json.loads(parts["parameters"].decode("utf-8"))
            return guidance(asked)
        if url.path != "/inference/":
            raise RefusalError(404, "Not Found", "not_found")
        parts = parse_multipart(body, self.headers["Content-Type"])
        parameters = json.loads(parts["parameters"].decode("utf-8"))
        request["parameters"] = parameters
        request["pattern"] = pattern = read_pattern(parts["file"], parameters["file_params"])
        return estimate(pattern, parameters, self.server.nested)


def parse_multipart(body, content_type):
    boundary = re.match(r"multipart/form-data; boundary=(.+)$", content_type).group(1)
    pieces = body.split(b"--" + boundary.encode("ascii"))
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    parts = {}
    for piece in pieces[1:-1]:
        head, content = piece[2:-2].split(b"\r\n\r\n", 1)
        parts[re.search(rb'; name="([^"]*)"', head).group(1).decode("ascii")] = content
    return parts


def read_pattern(content, file_params):
    if file_params["typ"] != "raw":
        return np.load(io.BytesIO(content), allow_pickle=False)
    if file_params["dtype"] not in DTYPES:
        raise RefusalError(422, "unknown dtype {}".format(file_params["dtype"]))
    shape = file_params["height"], file_params["width"]
    return np.frombuffer(content, file_params["dtype"]).reshape(shape)


def estimate(pattern, parameters, nested):
    """The answer: its thickness is the mean of the pattern, for the tests to recognise it."""
    system = find_system(parameters)
    if not np.isfinite(pattern).all():
        raise RefusalError(422, "the pattern has pixels that are not finite", "pattern")
    thickness_nm = float(pattern.mean())
    full = {
        "system": system["name"], "status": "ambiguous",
        "thickness_nm": thickness_nm, "thickness_std_nm": 1.5,
        "thickness_interval95_nm": [thickness_nm - 3, thickness_nm + 3],
        "tilt_x_mrad": 3.0, "tilt_y_mrad": 4.0, "tilt_std_mrad": 0.4, "mistilt_mrad": 5.0,
        "azimuth_deg": 53.13, "mrad_per_pixel": 0.3, "scale": 0.75, "rotation_deg": None,
        "center_row_px": 1.0, "center_column_px": 2.0, "residual": None,
        "alternatives": [{"thickness_nm": 9.0, "mistilt_mrad": 5.0, "probability": 0.25}],
        "thickness_distribution": {"thickness_nm": [1.0, 2.0], "probability": [0.5, 0.5]},
        "budget": {
            "parts": [
                {"name": "noise", "change": None, "thickness_nm": 1.5, "tilt_mrad": 0.4,
                 "in_std": True},
                {"name": "potential", "change": 0.01, "thickness_nm": 0.3, "tilt_mrad": None,
                 "in_std": False},
            ],
            "thickness_total_nm": 1.53, "tilt_total_mrad": 0.4, "measured": True,
        },
        "warnings": ["the network is young"], "provenance": {"version": "0"},
    }  # fmt: skip
    answer = {"thickness": 10 * thickness_nm, "mistilt": 5.0, "scale": 0.75}
    answer.update({"estimate": full} if nested else full)
    if parameters.get("validation", True):
        # With line breaks, as the earlier service wrote it.
        answer["validation"] = base64.encodebytes(png(PICTURE)).decode("ascii")
    return answer


def guidance(asked):
    """Where to tilt, of a stage whose axes are those of the pattern; three patterns decide it."""
    (seen,) = asked["seen"]
    said = {
        "alpha_deg": -seen["tilt_x_mrad"] / 17.45, "beta_deg": -seen["tilt_y_mrad"] / 17.45,
        "alpha_std_deg": 0.02, "beta_std_deg": 0.03, "left_mrad": 0.5,
        "decided": len(asked["patterns"]) > 2,
        "words": "tilt",
    }  # fmt: skip
    return {"guidance": [said]}


def find_system(parameters):
    chosen = parameters.get("system")
    physical = parameters.get("physical_params") or {}
    if chosen is None:
        chosen = physical["crystal_structure"]
        kilovolt = float(physical["acceleration_voltage"]) / 1000
        axis = [physical["zone_axis"][name] for name in "uvw"]
    for system in SYSTEMS:
        names = {str(system["id"]), system["name"].lower(), system["material"].lower()}
        if str(chosen).lower() in names and (
            "system" in parameters
            or (kilovolt == system["high_tension_kV"] and axis == system["zone_axis"])
        ):
            return system
    raise RefusalError(404, f'there is no system "{chosen}"', "unknown_system")


def wait_until(condition, seconds=5.0):
    """Wait for a condition that another thread brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.005)
