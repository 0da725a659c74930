"""The part of the page that makes maps, in a real browser."""

import numpy as np
import pytest

from tests.service.test_maps import scan  # noqa: F401
from tests.service.test_page import browser, open_page, pytestmark, serious_faults  # noqa: F401


@pytest.fixture
def chosen(open_page, tmp_path, scan):  # noqa: F811
    """The page with a scan and its conditions."""
    np.save(tmp_path / "wedge.npy", scan)
    page = open_page()
    page.select_option("#system", "3")
    page.fill("#convergence", "20")
    page.set_input_files("#scan", tmp_path / "wedge.npy")
    page.fill("#window-rows", "2")
    page.fill("#window-columns", "2")
    # Fits take most of the time of a map; one of these tests has them.
    page.uncheck("#refine")
    return page


def test_from_a_scan_to_a_picture(chosen):
    page = chosen
    page.click("#map-submit")
    page.wait_for_selector("#map-progress:not([hidden])")
    page.wait_for_selector("#map-shown:not([hidden])")
    assert "6 windows" in page.inner_text("#map-summary")
    assert page.evaluate("document.activeElement.id") == "map-shown"
    page.wait_for_function("document.getElementById('map-picture').naturalWidth > 100")
    page.wait_for_selector("#map-window canvas")
    assert page.locator("#map-window canvas").count() == 3
    # What the picture shows, in words.
    page.wait_for_function(
        "() => / to .* nm, .* of 6 windows/.test(document.getElementById('map-picture').alt)"
    )
    assert "wedge.npy" in page.get_attribute("#map-picture", "alt")
    for link, name in (("#map-file", "wedge-map.npz"), ("#map-table", "wedge-map.csv")):
        with page.expect_download() as download:
            page.click(link)
        assert download.value.suggested_filename == name
    for scheme in ("light", "dark"):
        page.evaluate("scheme => { document.documentElement.dataset.theme = scheme; }", scheme)
        assert serious_faults(page) == [], scheme
    page.click("#map-delete")
    page.wait_for_selector("#map-shown", state="hidden")


def test_cancel_and_what_is_missing(chosen):
    page = chosen
    page.fill("#window-columns", "")
    page.click("#map-submit")
    assert "rows and columns" in page.inner_text("#map-error")
    assert page.evaluate("document.activeElement.id") == "window-columns"
    page.fill("#window-columns", "90")
    page.click("#map-submit")
    page.wait_for_selector("#map-error:not([hidden])")
    assert "larger than the scan" in page.inner_text("#map-error")
    page.fill("#window-columns", "2")
    page.click("#map-submit")
    page.click("#map-cancel")
    page.wait_for_selector("#map-progress", state="hidden")
    assert page.evaluate("document.activeElement.id") == "map-submit"
    assert page.is_hidden("#map-error")
    assert page.is_hidden("#map-shown")


def test_a_map_is_found_again_after_a_reload(chosen):
    page = chosen
    page.click("#map-submit")
    page.wait_for_function("() => sessionStorage.length === 1")
    page.reload()
    # Made meanwhile, or on its way.
    page.wait_for_selector("#map-shown:not([hidden])")
    assert "6 windows" in page.inner_text("#map-summary")
    # Deleted, it is not looked for again; one that the service forgot is said to be gone.
    page.click("#map-delete")
    page.wait_for_selector("#map-shown", state="hidden")
    assert page.evaluate("sessionStorage.length") == 0
    page.evaluate("sessionStorage.setItem('pacbed-job-map', '0'.repeat(32))")
    page.reload()
    page.wait_for_selector("#map-error:not([hidden])")
    assert "no such map" in page.inner_text("#map-error")
    assert page.evaluate("sessionStorage.length") == 0


PICTURE = "id => document.getElementById(id).toDataURL()"


def test_a_map_is_looked_into_window_by_window(chosen):
    page = chosen
    page.check("#refine")
    page.click("#map-submit")
    page.wait_for_selector("#map-window canvas")
    box = page.locator("#map-canvas").bounding_box()
    # The second row and the third column of windows, by a click; the dark field follows.
    dark = page.evaluate(PICTURE, "map-dark")
    page.locator("#map-canvas").click(position={"x": 0.9 * box["width"], "y": 0.75 * box["height"]})
    assert page.inner_text("#map-readout").startswith("Window 1, 2: ")
    assert "60." in page.inner_text("#map-readout") or "59." in page.inner_text("#map-readout")
    assert page.evaluate(PICTURE, "map-dark") != dark
    assert len(page.inner_text("#map-scale").split()) == 3
    seen = page.evaluate(PICTURE, "map-canvas")
    page.uncheck("#map-arrows")
    assert page.evaluate(PICTURE, "map-canvas") != seen
    for layer in ("mistilt_mrad", "thickness_std_nm", "residual", "status", "thickness_nm"):
        before = page.evaluate(PICTURE, "map-canvas"), page.inner_text("#map-scale")
        page.select_option("#map-layer", layer)
        assert (page.evaluate(PICTURE, "map-canvas"), page.inner_text("#map-scale")) != before
    # A line, with the keys: from the thick crystal to the thin one.
    page.click("#map-line")
    page.focus("#map-canvas")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    assert page.inner_text("#map-readout").startswith("Window 0, 0: ")
    page.wait_for_selector("#map-profile svg")
    assert page.locator("#map-profile circle").count() == 3
    assert "3 windows" in page.get_attribute("#map-profile svg", "aria-label")
    page.wait_for_function(
        "before => document.querySelector('#map-window canvas').toDataURL() !== before",
        arg=page.evaluate("document.querySelector('#map-window canvas').toDataURL()"),
    )
    assert serious_faults(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_is_dropped_on_the_field_for_scans_is_one(chosen):
    page = chosen
    page.evaluate(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(8)], "other.npy"));
            const drop = new DragEvent("drop", { dataTransfer: transfer, bubbles: true });
            document.getElementById("scan").dispatchEvent(drop);
        }"""
    )
    assert page.evaluate("document.getElementById('scan').files[0].name") == "other.npy"
    assert page.evaluate("document.getElementById('file').files.length") == 0
    assert page.is_hidden("#error")
