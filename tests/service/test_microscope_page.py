"""The calibration of the microscope on the page, in a real browser."""

import json
import re

import numpy as np
import pytest

from pacbed.microscope.file import microscope_text
from pacbed.microscope.record import Microscope
from tests.service.test_page import (  # noqa: F401
    browser,
    infer_example,
    open_page,
    pytestmark,
    serious_faults,
)
from tests.service.test_session_page import content, drop, saved, settled  # noqa: F401

#: Name and content of each part of a form.
PART = re.compile(r'name="(\w+)"[^\r]*\r\n(?:[^\r]+\r\n)*\r\n(.*?)\r\n--', re.S)
SESSION = Microscope(300.0, 20.0, 0.1, 0.2807, 0.003, date="2026-11-27T10:00:00")


@pytest.fixture
def calibration(tmp_path):
    path = tmp_path / "titan 91 mm.toml"
    path.write_text(microscope_text(SESSION), encoding="utf-8")
    return path


def sent(page):
    """What goes out: for each request its path, and the names and texts of its parts."""
    requests = []

    def look(route):
        body = route.request.post_data_buffer.decode("latin-1")
        parts = dict(
            re.findall(r'name="(\w+)"[^\r]*\r\n(?:[^\r]+\r\n)*\r\n(.*?)\r\n--', body, re.S)
        )
        requests.append((route.request.url.rsplit("/", 2)[1], parts))
        route.continue_()

    for path in ("inference", "maps"):
        page.route(f"**/{path}/", look)
    return requests


def test_a_calibration_goes_with_every_request(open_page, calibration, content, tmp_path):  # noqa: F811
    page = open_page()
    requests = sent(page)
    page.click("#microscope-details > summary")
    broken = tmp_path / "notes.toml"
    broken.write_text("a = 1\n")
    page.set_input_files("#microscope-file", broken)
    page.wait_for_selector("#error:not([hidden])")
    assert "notes.toml: is no calibration of a microscope" in page.inner_text("#error")
    page.set_input_files("#microscope-file", calibration)
    page.wait_for_selector("#error", state="hidden")
    words = page.inner_text("#microscope-words")
    assert words.startswith("300 kV, 20 mrad convergence, 0.2807 mrad per pixel, of 2026-11-27")
    assert serious_faults(page) == []
    # After a reload it is there, and says what the form leaves open.
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.input_value("#microscope") == calibration.name
    drop(page, ["a.npy"], content)
    page.fill("#convergence", "")
    page.click("#submit")
    page.wait_for_selector("#viewers:not([hidden])")
    path, parts = requests.pop()
    assert path == "inference"
    assert "microscope" in parts
    assert "mrad_per_pixel = 0.2807" in parts["microscope"]
    assert "microscope" not in json.loads(parts["parameters"])
    assert "convergence_angle" not in json.loads(parts["parameters"])
    assert page.get_attribute("#status", "data-status") == "ok"
    # Also for each of many, and for a map.
    drop(page, ["b.npy", "c.npy"], content)
    page.fill("#convergence", "")
    page.click("#submit")
    settled(page, 3)
    assert ["microscope" in parts for _, parts in requests] == [True, True]
    np.save(tmp_path / "scan.npy", np.zeros((2, 2, 8, 8), np.uint16))
    page.set_input_files("#scan", tmp_path / "scan.npy")
    page.click("#map-submit")
    page.wait_for_selector("#map-error:not([hidden]), #map-progress:not([hidden])")
    path, parts = requests.pop()
    assert (path, "microscope" in parts) == ("maps", True)
    # A table of results says which it was; a row is opened with its own.
    assert b",titan 91 mm.toml," in saved(page, "#session-csv")[1]
    page.select_option("#microscope", "")
    page.click("#session-rows tr:nth-of-type(1) button.plain")
    page.wait_for_function(
        "name => document.getElementById('microscope').value === name", arg=calibration.name
    )
    # It is of patterns as they are recorded, which is said in the page's words.
    page.wait_for_selector("#preview:not([hidden])")
    page.click("#mirror")
    page.wait_for_function("() => document.getElementById('turned-words').innerText !== ''")
    page.click("#submit")
    page.wait_for_selector("#error:not([hidden])")
    assert "Turn and mirror the pattern back" in page.inner_text("#error")
    page.click("#microscope-forget")
    assert page.locator("#microscope option").count() == 1
    assert page.evaluate("document.activeElement.id") == "microscope"
