"""A folder that patterns arrive in: what the service gives of it, and the page that takes them."""

import os
import time

import pytest
from starlette.testclient import TestClient

from pacbed.answer.table_row import COLUMNS, failed_row
from pacbed.service.app import create_app
from pacbed.service.settings import Settings
from pacbed.watch.results import Results
from tests.cli_tools import fail
from tests.service.conftest import URL, serving
from tests.service.test_page import browser, pytestmark  # noqa: F401
from tests.service.test_session_page import content, settled, table  # noqa: F401


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def make(folder, monkeypatch):
    """A client at an address, of a service that watches the folder without patience."""
    monkeypatch.setattr("pacbed.watch.arrivals.SETTLE_SECONDS", 0)
    monkeypatch.setattr("pacbed.watch.arrivals.Arrivals.__init__.__defaults__", (0, time.monotonic))
    opened = []

    def make(address="127.0.0.1", **settings):
        app = create_app(Settings(threads=1, watch_folder=folder, **settings))
        opened.append(TestClient(app, URL, client=(address, 5000)))
        return opened[-1].__enter__()

    yield make
    for client in opened:
        client.__exit__(None, None, None)


def test_what_arrived_is_listed_and_given(make, folder):
    client = make(max_body_mib=1)
    (folder / "a b.npy").write_bytes(b"pattern")
    (folder / "large.npy").write_bytes(b"x" * (2**20 + 1))
    (folder / "secret.txt").write_bytes(b"x")
    (folder / "link.npy").symlink_to(folder / "secret.txt")
    said = client.get("/watched/").json()
    assert (said["on"], said["folder"]) == (True, "in")
    (file,) = said["files"]
    assert file["name"] == "a b.npy"
    given = client.get("/watched/a%20b.npy", params={"key": file["key"]})
    assert given.content == b"pattern"
    for name in ("secret.txt", "link.npy", "large.npy", "..%2Fin%2Fa b.npy", "none.npy"):
        assert client.get(f"/watched/{name}", params={"key": file["key"]}).status_code == 404
    # One that changed is another one.
    (folder / "a b.npy").write_bytes(b"another")
    os.utime(folder / "a b.npy", (1, 1))
    assert client.get("/watched/a%20b.npy", params={"key": file["key"]}).status_code == 404


def test_other_computers_see_nothing(make, folder):
    (folder / "a.npy").write_bytes(b"pattern")
    client = make("192.168.0.7")
    assert client.get("/watched/").json() == {"on": False, "folder": "", "files": []}
    assert client.get("/watched/a.npy", params={"key": "1-7"}).status_code == 404


def test_without_a_folder_nothing_is_watched(client):
    assert client.get("/watched/").json()["on"] is False


@pytest.mark.parametrize("open_to", [("--host", "0.0.0.0"), ("--allow-host", "lab")])
def test_a_service_for_others_watches_no_folder(folder, open_to, monkeypatch):
    monkeypatch.setenv("PACBED_WATCH_FOLDER", "")
    monkeypatch.setenv("PACBED_ALLOW_HOSTS", "")
    assert "for this computer alone" in fail("serve", "--watch", folder, *open_to)
    assert "folder that exists" in fail("serve", "--watch", folder / "none")


def test_the_page_takes_what_arrives(browser, tmp_path, folder, content):  # noqa: F811
    (folder / "a.npy").write_bytes(content)
    with serving(tmp_path, "--watch", str(folder)) as server:
        page = browser.new_context().new_page()
        page.set_default_timeout(60_000)
        page.goto(server.url)
        page.wait_for_selector("html[data-ready]", state="attached")
        assert page.inner_text("#session-watch") == "Watch the folder in"
        page.select_option("#system", "3")
        page.fill("#convergence", "20")
        page.click("#session-watch")
        assert page.get_attribute("#session-watch", "aria-pressed") == "true"
        settled(page, 1)
        (folder / "b.npy").write_bytes(content)
        settled(page, 2)
        assert [row[0] for row in table(page)] == ["a.npy", "b.npy"]
        # After a reload none is taken twice.
        page.reload()
        page.wait_for_selector("html[data-ready]", state="attached")
        page.select_option("#system", "3")
        page.fill("#convergence", "20")
        page.click("#session-watch")
        (folder / "c.npy").write_bytes(content)
        settled(page, 3)
        assert [row[0] for row in table(page)] == ["a.npy", "b.npy", "c.npy"]
        # The table of `pacbed watch` opens in the page.
        with Results(tmp_path / "answers.csv", COLUMNS) as results:
            results.add({**failed_row("is cut"), "file": "=x.npy", "file_sha256": "0"})
            results.add({"status": "ok", "file": "y.npy", "file_sha256": "1", "thickness_nm": 42.0,
                         "thickness_std_nm": 0.5, "residual": 0.01, "asked_fit": True})  # fmt: skip
        page.set_input_files("#session-import", tmp_path / "answers.csv")
        page.wait_for_function("() => document.querySelectorAll('#session-rows tr').length === 2")
        rows = table(page)
        assert [row[0] for row in rows] == ["=x.npy", "y.npy"]
        assert [row[6].split("\n")[0] for row in rows] == ["failed", "ok"]
        assert rows[1][3] == "42.0 ± 0.5"
        page.context.close()
