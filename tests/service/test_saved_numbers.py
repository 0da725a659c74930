"""What files of answers say of their numbers: one is there twice, for earlier clients."""

import csv
import io
import json

import pytest

from tests.service.test_page import (  # noqa: F401
    browser,
    pytestmark,
)

ANSWER = {
    "thickness": 421.0, "thickness_nm": 42.1, "mistilt": 2.0, "mistilt_mrad": 2.0, "residual": 0.01,
    "provenance": {}, "views": {"measured": "AAAA"}, "validation": "AAAA",
}  # fmt: skip


@pytest.fixture(scope="module")
def page_of_modules(browser, server):  # noqa: F811
    page = browser.new_page()
    page.goto(server.url)
    yield page
    page.close()


def test_a_saved_answer_says_which_thickness_is_in_which_unit(page_of_modules):
    text = page_of_modules.evaluate(
        """async answer => (await import("./static/format.js")).toJson(
            { file: "a.dm4", frame: null, answer })""",
        ANSWER,
    )
    saved = json.loads(text)
    # Said before the numbers come.
    assert list(saved)[:3] == ["file", "frame", "units"]
    assert saved["units"]["thickness_nm"].startswith("nm")
    assert saved["units"]["thickness"].startswith("Å")
    assert saved["thickness"] == 10 * saved["thickness_nm"]
    # Every number that is there twice is explained.
    twice = {name for name in saved if any(other.startswith(f"{name}_") for other in saved)}
    assert twice == {"thickness", "mistilt"}
    assert twice <= set(saved["units"])


def test_a_saved_session_says_it_too(page_of_modules):
    text = page_of_modules.evaluate(
        """async answer => (await import("./static/session/results.js")).toJson(
            { name: "A" }, [{ file: "a.dm4", parameters: {}, answer }])""",
        ANSWER,
    )
    assert json.loads(text)["units"]["thickness"].startswith("Å")


def test_the_description_says_it_too(client):
    answer = client.get("/openapi.json").json()["components"]["schemas"]["Answer"]["properties"]
    assert answer["thickness"]["description"].startswith("Å")


def test_a_table_has_warnings_and_what_the_answer_came_from(page_of_modules):
    answer = ANSWER | {
        "warnings": ["the disk is cut", "the network is young"],
        "thickness_interval95_nm": [41, 43],
        "provenance": {"version": "1.2", "bundle": "sto", "bundle_sha256": "ab", "method": "fit"},
    }  # fmt: skip
    text = page_of_modules.evaluate(
        """async answer => (await import("./static/session/results.js")).toCsv(
            [{ file: "a.dm4", state: "done", parameters: {}, date: "2026-11-27", answer }])""",
        answer,
    )
    (line,) = csv.DictReader(io.StringIO(text))
    assert line["warnings"] == "the disk is cut | the network is young"
    assert (line["version"], line["bundle"], line["bundle_sha256"]) == ("1.2", "sto", "ab")
    assert line["date"] == "2026-11-27"
