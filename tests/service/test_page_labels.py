"""The page with a model that may say neither the tilt's direction nor the mistilt."""

import csv
import dataclasses
import io
import json

import numpy as np
import pytest

from pacbed.library.installed import load_bundle
from tests.label_tools import (
    LABEL_SYSTEM,
    make_earlier_folder,
    make_label_bundle,
    recorded_pattern,
)
from tests.service import test_page
from tests.service.conftest import serving

pytestmark = test_page.pytestmark
browser, open_page = test_page.browser, test_page.open_page


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    table = load_bundle("sto-001-300kV").table
    data = make_earlier_folder(folder / "data")
    make_label_bundle(data, table, targets=("Thickness", "Scale"))
    for number, peaks in ((52, {60: 0.95}), (53, {10: 0.5, 46: 0.5})):
        system = dataclasses.replace(LABEL_SYSTEM, id=number, name=f"directions-{number}")
        around = np.full(72, 1e-4)
        around[list(peaks)] = list(peaks.values())
        make_label_bundle(data, table, system=system, directions=around / around.sum())
    np.save(folder / "pattern.npy", recorded_pattern(table, 30.0, 3.0, size=192))
    with serving(folder) as server:
        server.pattern = folder / "pattern.npy"
        yield server


def infer(page, pattern, system):
    page.set_input_files("#file", pattern)
    page.wait_for_selector("#preview:not([hidden])")
    page.select_option("#system", system)
    assert "of the earlier system" in page.inner_text("#system option[value='7']")
    page.fill("#convergence", "20")
    page.click("#submit")
    page.wait_for_selector("#viewers:not([hidden])")


def test_answer_of_the_earlier_system(open_page, server):
    page = open_page()
    infer(page, server.pattern, "7")
    thickness = float(page.inner_text("#thickness").split()[0])
    assert thickness == pytest.approx(30, abs=5)
    assert page.inner_text("#mistilt").endswith("mrad")
    assert page.inner_text("#azimuth") == "this model gives no direction"
    assert "earlier system" in page.inner_text("#warnings")
    assert page.inner_text("#simulated-caption") == "Not simulated"
    assert test_page.is_painted(page, "measured")
    with page.expect_download() as download:
        page.click("#save-json")
    saved = json.loads(download.value.path().read_text())
    assert saved["azimuth_deg"] is None
    with page.expect_download() as download:
        page.click("#save-csv")
    (row,) = csv.DictReader(io.StringIO(download.value.path().read_text()))
    assert row["azimuth_deg"] == ""
    assert test_page.serious_faults(page) == []


def test_answer_with_a_direction(open_page, server):
    page = open_page()
    infer(page, server.pattern, "52")
    assert page.inner_text("#azimuth") == "towards -60°, from right to down"
    label = page.get_attribute("#measured", "aria-label")
    assert "mrad to the right and -" in label


def test_answer_with_an_ambiguous_direction(open_page, server):
    page = open_page()
    infer(page, server.pattern, "53")
    assert page.inner_text("#azimuth") == "direction not known, see the warnings"
    assert "ambiguous: " in page.inner_text("#warnings")


def test_answer_without_mistilt(open_page, server):
    page = open_page()
    infer(page, server.pattern, "51")
    assert page.inner_text("#mistilt") == "not given"
    assert "not trained for it" in page.inner_text("#warnings")
