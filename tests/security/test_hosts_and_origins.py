"""The service answers to its own names, to programs and to its own page; to nobody else's page."""

import http.client

import pytest
from starlette.testclient import TestClient

from pacbed.errors import OutOfRangeError
from pacbed.service import routes_info
from pacbed.service.app import create_app
from pacbed.service.exposure import names_at, welcome
from pacbed.service.hosts import OwnHosts, listed_hosts
from pacbed.service.settings import Settings
from tests.service.conftest import URL, serving

PATTERN = "/pattern/?system=sto-001-300kV&thickness_nm=40&convergence_mrad=20&size=16"
FOLLOWED = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app(Settings(threads=1)), URL) as client:
        yield client


@pytest.fixture(scope="module")
def opened():
    """A service with a name of its own, and a page elsewhere that may use it."""
    settings = Settings(
        threads=1, allow_hosts="pacbed.example, lab", allow_origins="https://lab.example"
    )
    with TestClient(create_app(settings), URL) as client:
        yield client


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8230", "LOCALHOST:1", "localhost.", "127.0.0.1:8230", "127.8.9.1",
     "[::1]", "[::1]:8230"],
)  # fmt: skip
def test_names_of_the_loopback_are_answered(client, host):
    assert client.get("/health/live", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.test", "evil.test:8230", "localhost.evil.test", "127.0.0.1.evil.test", "evil-localhost",
     "0.0.0.0:8230", "10.1.2.3", "[2001:db8::1]", "128.0.0.1", "user@localhost", "localhost:80:80",
     "localhost/", "", " ", "[::1", "testserver"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/systems", "/static/app.js", "/none"])
def test_foreign_names_are_refused(client, host, path):
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json()["code"] == "host"
    assert "--allow-host" in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]


def test_foreign_names_reach_no_route(client, monkeypatch):
    monkeypatch.setattr(routes_info, "match_system", lambda *_: pytest.fail("asked"))
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        answer = client.request(method, PATTERN, headers={"Host": "evil.test"})
        assert answer.status_code == 421, method


def test_a_name_of_its_own_is_told(opened):
    for host in ("pacbed.example", "Pacbed.Example:443", "lab:8230", "localhost"):
        assert opened.get("/health/live", headers={"Host": host}).status_code == 200
    assert opened.get("/health/live", headers={"Host": "a.pacbed.example"}).status_code == 421


def test_the_address_at_which_a_request_arrives_is_answered():
    hosts = OwnHosts(())
    assert hosts.answers("10.1.2.3:8230", "10.1.2.3")
    assert hosts.answers("10.1.2.3:8230", "::ffff:10.1.2.3")
    assert hosts.answers("[fe80::1]:8230", "fe80::1%eth0")
    assert not hosts.answers("10.1.2.3", "10.1.2.4")
    # What a program calls its socket is no address in figures.
    assert not hosts.answers("lab.example", "lab.example")
    assert not hosts.answers("10.1.2.3", None)


@pytest.mark.parametrize("text", ["http://lab.example", "lab.example:80", "a b", "a/b", "*"])
def test_names_that_are_none_are_told(text):
    with pytest.raises(OutOfRangeError, match="no name"):
        listed_hosts(f"good.example,{text}")
    with pytest.raises(OutOfRangeError, match="PACBED_ALLOW_HOSTS"):
        Settings(allow_hosts=text)


def test_the_start_says_which_names_answer():
    assert names_at("127.0.0.1", ["lab, B.example", "localhost"]) == ("b.example", "lab")
    assert names_at("lab.example", []) == ("lab.example",)
    assert welcome("127.0.0.1", 8230, "", ()) == "open http://localhost:8230/"
    everywhere = welcome("0.0.0.0", 8230, "", ())
    assert "--allow-host" in everywhere
    assert "Everybody" in everywhere
    assert "names: b.example" in welcome("::", 8230, "", ["b.example"])
    assert "http://[2001:db8::1]:8230/" in welcome("2001:db8::1", 8230, "", ())


#: What a browser says of a page elsewhere, on a computer like this and on an older one.
FOREIGN = [
    {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://localhost:9999", "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://evil.test"},
    {"Origin": "http://localhost:9999"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "null"},
    {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    {"Origin": ""},
    {"Origin": "ftp://localhost"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "unknown"},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "UNKNOWN"])
def test_other_pages_start_and_delete_nothing(client, method, headers):
    for path in ("/inference/", "/maps/", "/maps/0123456789", "/preview/", "/"):
        answer = client.request(method, path, headers=headers)
        assert answer.status_code == 403, path
        assert answer.json()["code"] == "other_page"


@pytest.mark.parametrize("headers", FOREIGN)
def test_other_pages_read_nothing(client, headers):
    for path in ("/systems", PATTERN, "/maps/0123456789/picture", "/static/app.js", "/"):
        for method in ("GET", "HEAD"):
            answer = client.request(method, path, headers=headers)
            assert answer.status_code == 403
            assert "Access-Control-Allow-Origin" not in answer.headers
    asked = {"Access-Control-Request-Method": "POST"}
    assert client.options("/inference/", headers=headers | asked).status_code == 403


def test_a_link_from_another_page_leads_to_the_page_but_to_no_work(client):
    headers = {"Sec-Fetch-Site": "cross-site"} | FOLLOWED
    for path in ("/", "/docs", "/systems", "/health/ready"):
        assert client.get(path, headers=headers).status_code == 200
    assert client.get(PATTERN, headers=headers).status_code == 403
    assert client.post("/maps/", headers=headers).status_code == 403
    framed = headers | {"Sec-Fetch-Dest": "iframe"}
    assert client.get("/", headers=framed).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost:80"},
    ],
)
def test_programs_and_the_own_page_go_on_working(client, headers):
    assert client.get("/systems", headers=headers).status_code == 200
    assert client.get(PATTERN, headers=headers).status_code == 200
    # Understood, and found to lack its parameters.
    assert client.post("/inference/", headers=headers).status_code == 422
    assert client.delete("/maps/0123456789", headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        # TLS ends at the proxy, which says which name was asked for, with port or without.
        ("pacbed.example", "https://pacbed.example"),
        ("pacbed.example:443", "https://pacbed.example"),
        ("pacbed.example:8443", "https://pacbed.example:8443"),
        # A proxy that calls the service by a name of its own.
        ("lab", "http://pacbed.example"),
    ],
)
def test_the_own_page_behind_a_proxy(opened, host, origin):
    headers = {"Host": host, "Origin": origin}
    assert opened.post("/inference/", headers=headers).status_code == 422


def test_another_port_of_the_proxy_is_another_page(opened):
    headers = {"Host": "pacbed.example", "Origin": "http://pacbed.example:9999"}
    assert opened.post("/inference/", headers=headers).status_code == 403


def test_pages_that_are_listed_go_on_working(opened):
    origin = {"Origin": "https://lab.example", "Sec-Fetch-Site": "cross-site"}
    asked = {"Access-Control-Request-Method": "POST"}
    assert opened.options("/inference/", headers=origin | asked).status_code == 200
    answer = opened.post("/inference/", headers=origin)
    assert answer.status_code == 422
    assert answer.headers["Access-Control-Allow-Origin"] == "https://lab.example"
    picture = {"Sec-Fetch-Site": "cross-site", "Referer": "https://lab.example/page"}
    shown = opened.get(PATTERN, headers=picture)
    assert shown.status_code == 200
    assert shown.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert opened.post("/inference/", headers=picture).status_code == 403
    others = {"Origin": "https://lab.example.evil.test", "Sec-Fetch-Site": "cross-site"}
    assert opened.post("/inference/", headers=others).status_code == 403
    both = [("Origin", "https://lab.example"), ("Origin", "https://evil.test")]
    assert opened.post("/inference/", headers=both).status_code == 403
    own = opened.get("/systems").headers["Cross-Origin-Resource-Policy"]
    assert own == "same-origin"


def test_refusals_are_counted_and_carry_the_headers(client):
    answer = client.get("/", headers={"Host": "evil.test"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    client.post("/maps/", headers={"Origin": "http://evil.test"})
    text = client.get("/metrics").text
    for reason in ("host", "other_page"):
        assert f'pacbed_failures_total{{reason="{reason}"}}' in text


def test_there_are_no_web_sockets(client):
    from starlette.websockets import WebSocketDisconnect

    for path in ("/", "/static/app.js"):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(path):
            pass


def test_a_service_for_the_network_answers_to_no_name_that_it_was_not_told(tmp_path):
    with serving(tmp_path, "--host", "0.0.0.0", "--allow-host", "Lab.example") as server:

        def status(host):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            connection.request("GET", "/health/live", headers={"Host": host})
            status = connection.getresponse().status
            connection.close()
            return status

        hosts = ("lab.example", "localhost", "evil.test")
        assert [status(host) for host in hosts] == [200, 200, 421]
        told = server.log.read_text()
    assert "names: lab.example" in told
    assert "Everybody" in told
