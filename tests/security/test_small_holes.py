"""Numbers that no system has, addresses that are made up, ends of requests that are in doubt."""

import dataclasses
import http.client
import json
import shutil
import socket

import pytest
from starlette.responses import FileResponse
from starlette.testclient import TestClient

import pacbed
from pacbed.errors import BundleError, OutOfRangeError
from pacbed.library.installed import load_bundle
from pacbed.library.models.bundle import Bundle
from pacbed.library.system import System
from pacbed.service import routes_info
from pacbed.service.app import create_app
from pacbed.service.settings import Settings
from pacbed.service.uploads import clean_name
from tests.service.conftest import URL, serving

PATTERN = "/pattern/?system=sto-001-300kV&thickness_nm=40&convergence_mrad=20&size=16"


@pytest.fixture(scope="module")
def client():
    settings = Settings(threads=1)
    with TestClient(create_app(settings), URL, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("holes")) as server:
        yield server


@pytest.mark.parametrize("system", [-1, -(10**30), "-1"])
def test_no_system_has_a_negative_number(client, system):
    asked = {"parameters": json.dumps({"system": system, "convergence_angle": 20})}
    answer = client.post("/inference/", data=asked, files={"file": ("a.npy", b"x")})
    assert answer.status_code == (404 if isinstance(system, str) else 422)
    asked = {"parameters": json.dumps({"system": system, "convergence_mrad": 20})}
    answer = client.post("/maps/", data=asked, files={"file": ("a.npy", b"x")})
    assert answer.status_code == (404 if isinstance(system, str) else 422)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", -1), ("id", 1.5), ("id", True), ("id", "1"), ("name", 3), ("material", None),
        ("zone_axis", [0, 0]), ("zone_axis", [0, 0, 1.5]), ("high_tension_kV", -200),
        ("high_tension_kV", float("nan")), ("convergence_mrad", [30, 10]),
        ("thickness_nm", [0, float("inf")]), ("mistilt_mrad", [-1, 2]), ("mistilt_mrad", 3),
    ],
)  # fmt: skip
def test_a_bundle_of_no_possible_system_is_refused(tmp_path, name, value):
    folder = shutil.copytree(load_bundle("sto-001-300kV").folder, tmp_path / "bundle")
    content = json.loads((folder / "bundle.json").read_text())
    content["system"][name] = value
    (folder / "bundle.json").write_text(json.dumps(content))
    with pytest.raises(BundleError, match=name):
        Bundle.load(folder)


def test_shipped_systems_come_through():
    for system in pacbed.installed_systems():
        assert System.from_json(dataclasses.asdict(system)) == system


def asked_by(port, address, query):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"X-Forwarded-For": address, "X-Forwarded-Proto": "https"}
    connection.request("GET", f"/systems?{query}", headers=headers)
    assert connection.getresponse().status == 200
    connection.close()


def logged(server, query):
    (line,) = [line for line in server.log.read_text().splitlines() if query in line]
    return line


def test_nobody_writes_an_address_into_the_log(server):
    asked_by(server.port, "203.0.113.7", "a=1")
    assert "203.0.113.7" not in server.log.read_text()
    assert "127.0.0.1:" in logged(server, "a=1")


@pytest.mark.parametrize("way", ["option", "variable"])
def test_a_proxy_that_is_named_tells_who_asked(tmp_path, way):
    options = ["--proxy", "127.0.0.1"] if way == "option" else []
    variables = {"PACBED_PROXY": "10.0.0.0/8, 127.0.0.1"} if way == "variable" else {}
    with serving(tmp_path, *options, environment=variables) as server:
        # What a client has made up stands before what the proxy has added.
        asked_by(server.port, "198.51.100.1, 203.0.113.7", "a=1")
        assert "203.0.113.7:" in logged(server, "a=1")
        assert "198.51.100.1" not in server.log.read_text()


@pytest.mark.parametrize("text", ["proxy.example", "*", "10.0.0.1/8", "10.0.0.5:80"])
def test_proxies_are_addresses(text):
    with pytest.raises(OutOfRangeError, match="PACBED_PROXY"):
        Settings(proxy=text)


BODY = b"5\r\nhello\r\n0\r\n\r\nGET /metrics?smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"POST /preview/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"POST /preview/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Length: 500\r\n\r\n",
        b"GET /systems HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Length: 5\r\n\r\n",
        b"POST /preview/ HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /preview/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"POST /preview/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
        b"Content-Length: 6\r\n\r\n",
        b"POST /preview/ HTTP/1.1\r\nHost: localhost\r\nHost: evil.test\r\n"
        b"Content-Length: 5\r\n\r\n",
        b"POST /preview/ HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_a_request_whose_end_is_in_doubt_is_refused(server, head):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head + BODY)
        received = b""
        try:
            while part := connection.recv(65536):
                received += part
        except ConnectionResetError:
            # What came after was not even read.
            pass
    # One answer, and the connection is closed.
    assert received.startswith(b"HTTP/1.1 400 "), received
    assert received.count(b"HTTP/1.1 ") == 1
    assert "smuggled" not in server.log.read_text()


def test_an_old_program_without_a_name_is_answered(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"GET /health/live HTTP/1.0\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_answers_are_not_kept_and_the_page_is_asked_for_again(client):
    for path in ("/systems", PATTERN, "/examples/", "/health/ready", "/metrics", "/openapi.json",
                 "/maps/none", "/none", "/static/none.js"):  # fmt: skip
        assert client.get(path).headers["Cache-Control"] == "no-store", path
    assert client.post("/inference/").headers["Cache-Control"] == "no-store"
    for path in ("/", "/docs", "/static/app.js"):
        answer = client.get(path)
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["ETag"]
    again = client.get("/static/app.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def test_every_answer_has_the_headers_also_after_an_error_of_the_service(client, monkeypatch):
    def fail(*_):
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr(routes_info, "match_system", fail)
    answers = [client.get(PATTERN), client.get("/none"), client.put("/inference/"),
               client.post("/inference/", headers={"Content-Length": str(10**12)})]  # fmt: skip
    assert [answer.status_code for answer in answers] == [500, 404, 405, 413]
    for answer in answers:
        assert "secret" not in answer.text
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, (answer.status_code, name)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "name",
    ['a"; filename="b.exe', "a\r\nSet-Cookie: a=b", "a\x1b[31m\n", "\u202egnp.exe", "a%0d%0ab"],
)
def test_names_of_files_end_no_line(name):
    shown = clean_name(name)
    assert shown.isprintable()
    answer = FileResponse(__file__, filename=f"{shown}-maps.npz")
    (value,) = [value for key, value in answer.raw_headers if key == b"content-disposition"]
    assert b"\r" not in value
    assert b"\n" not in value
    assert value.count(b'"') in (0, 2)
