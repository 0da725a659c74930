"""The page in a real browser."""

import csv
import io
import json
import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from tests.service.dm4 import dm4_bytes

CHROMIUM = os.environ.get("PACBED_TEST_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="the page is NOT tested: no Chromium was found; install it, or set PACBED_TEST_CHROMIUM",
)

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
#: A busy machine may need this long for an answer, milliseconds.
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, server):
    """Open pages; at the end, nothing was said on their consoles or asked of other hosts."""
    complaints, hosts, contexts = [], set(), []

    def open_page(path="/", **options):
        # Without transitions, or a button that just woke up is measured half transparent.
        settings = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
        context = browser.new_context(**{**settings, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: hosts.add(urlsplit(asked.url).netloc))
        page.goto(server.url + path)
        page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    # The browser itself reports a status of 4xx; the tests of errors provoke those.
    faults = [text for text in complaints if "Failed to load resource" not in text]
    assert faults == []
    assert hosts <= {urlsplit(server.url).netloc, ""}


def infer_example(page, number=4):
    page.click(f"#examples button:nth-of-type({number})")
    page.wait_for_selector("#preview:not([hidden])")
    # An example brings its pattern, its system and its angle, in this order.
    page.wait_for_function("() => !['', 'any'].includes(document.getElementById('system').value)")
    page.wait_for_function("() => document.getElementById('convergence').value !== ''")
    page.click("#submit")
    page.wait_for_selector("#viewers:not([hidden])")


def is_painted(page, name):
    return page.evaluate(
        """name => {
            const canvas = document.getElementById(name);
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            return new Set(data).size > 20;
        }""",
        name,
    )


def pixels(page, name):
    return page.evaluate("name => document.getElementById(name).toDataURL()", name)


def serious_faults(page):
    """Every fault that axe finds, whatever weight it gives it."""
    # The policy of the page lets no foreign script in; the debugger's way is not a script tag.
    page.evaluate(AXE.read_text())
    result = page.evaluate("axe.run()")
    return [
        (fault["id"], [node["html"][:120] for node in fault["nodes"]])
        for fault in result["violations"]
    ]


def test_from_an_example_to_an_answer(open_page):
    page = open_page()
    infer_example(page)
    assert re.fullmatch(r"\d+(\.\d+)? ± \d+(\.\d+)? nm", page.inner_text("#thickness"))
    assert re.fullmatch(r"\d+(\.\d+)? ± \d+(\.\d+)? mrad", page.inner_text("#mistilt"))
    assert page.get_attribute("#status", "data-status") in ("ok", "ambiguous", "mismatch")
    assert len(page.inner_text("#status-words")) > 10
    for name in ("measured", "simulated", "difference"):
        assert is_painted(page, name), name
    assert page.locator("#distribution canvas").count() == 1
    page.wait_for_selector("#session-rows tr")
    assert page.locator("#session-rows tr").count() == 1


def in_view(page, *places):
    """All of these are seen: inside of the window, and with nothing before them."""
    size = page.viewport_size
    for place in places:
        box = page.locator(place).bounding_box()
        assert box["y"] >= 0, place
        assert box["y"] + box["height"] <= size["height"], place
        assert page.evaluate(
            """([place, x, y]) => {
                const seen = document.elementFromPoint(x, y);
                return document.querySelector(place).contains(seen);
            }""",
            [place, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
        ), place


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 720), (1024, 768), (390, 844)])
def test_answer_status_and_errors_are_in_view_when_they_come(open_page, width, height):
    page = open_page(viewport={"width": width, "height": height})
    in_view(page, "#submit")
    page.click("#submit")
    in_view(page, "#error", "#submit")
    infer_example(page)
    page.wait_for_function("() => document.activeElement.id === 'answer'")
    in_view(page, "#answer-title", "#status", "#thickness", "#submit")
    # An error comes wherever the page is scrolled to.
    page.fill("#convergence", "500")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.evaluate("document.getElementById('form').requestSubmit()")
    in_view(page, "#error", "#submit")
    for scheme in ("light", "dark"):
        page.evaluate("scheme => { document.documentElement.dataset.theme = scheme; }", scheme)
        in_view(page, "#error", "#submit")
        # Also with everything unfolded.
        page.evaluate(
            "for (const box of document.querySelectorAll('#results details')) box.open = true"
        )
        assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_display_follows_its_controls(open_page):
    page = open_page()
    infer_example(page)
    seen = {pixels(page, "measured")}
    for control, value in (("#colors", "viridis"), ("#intensity", "log"), ("#intensity", "gamma"),
                           ("#colors", "grey")):  # fmt: skip
        page.select_option(control, value)
        picture = pixels(page, "measured")
        assert picture not in seen
        seen.add(picture)
    page.fill("#gamma", "1.5")
    assert pixels(page, "measured") not in seen
    simulated = pixels(page, "simulated")
    page.focus("#measured")
    page.keyboard.press("+")
    # The zoom is linked: the other pattern moved too.
    assert pixels(page, "simulated") != simulated
    page.keyboard.press("ArrowRight")
    page.click("#reset")
    assert pixels(page, "simulated") == simulated
    page.hover("#measured")
    assert "mrad" in page.inner_text("#readout")


def test_metadata_fill_the_form_and_a_stack_offers_its_frames(open_page, tmp_path, example):
    page = open_page()
    path = tmp_path / "stack.dm4"
    path.write_bytes(dm4_bytes(np.stack([example, example[::-1]]), voltage=200e3))
    page.set_input_files("#file", path)
    page.wait_for_selector("#frame-row:not([hidden])")
    assert "200 kV" in page.inner_text("#system option:checked")
    assert "10 to" in page.inner_text("#convergence-hint")
    before = pixels(page, "preview-canvas")
    page.fill("#frame", "1")
    page.dispatch_event("#frame", "change")
    page.wait_for_function(
        "before => document.getElementById('preview-canvas').toDataURL() !== before", arg=before
    )
    page.fill("#convergence", "20")
    page.click("#submit")
    page.wait_for_selector("#shown:not([hidden])")
    assert "frame 1" in page.inner_text("#answer-title")


def test_errors_say_what_to_do(open_page, tmp_path, server):
    page = open_page()
    # Nothing chosen.
    page.click("#submit")
    assert "No pattern was chosen" in page.inner_text("#error")
    # A file that is none.
    broken = tmp_path / "broken.dm4"
    broken.write_bytes(b"not a pattern")
    page.set_input_files("#file", broken)
    page.wait_for_function(
        "() => document.getElementById('error').innerText.includes('broken.dm4')"
    )
    assert "again" in page.inner_text("#error")
    # An angle that the system does not cover.
    infer_example(page)
    assert page.is_hidden("#error")
    page.fill("#convergence", "500")
    page.click("#submit")
    assert "lies outside" in page.inner_text("#error")
    assert page.get_attribute("#convergence", "aria-invalid") == "true"
    # The service is gone.
    page.fill("#convergence", "20")
    page.route("**/inference/", lambda route: route.abort())
    page.click("#submit")
    page.wait_for_function(
        "() => document.getElementById('error').innerText.includes('not answer')"
    )
    # And works again.
    page.unroute("**/inference/")
    page.click("#submit")
    page.wait_for_function("() => document.querySelectorAll('#session-rows tr').length === 2")
    assert page.is_hidden("#error")


def test_cancel_ends_a_request_that_waits_for_its_next_try(open_page):
    page = open_page()
    asked = []

    def busy(route):
        asked.append(route.request.url)
        body = json.dumps({"code": "busy", "detail": "all places are taken"})
        route.fulfill(status=503, content_type="application/json", body=body)

    page.route("**/inference/", busy)
    page.click("#examples button:nth-of-type(4)")
    page.wait_for_function("() => document.getElementById('convergence').value !== ''")
    page.click("#submit")
    # The second try waits longer than a second for the third.
    while len(asked) < 2:
        page.wait_for_timeout(20)
    page.click("#cancel")
    page.wait_for_selector("#progress", state="hidden")
    page.wait_for_timeout(3000)
    assert len(asked) == 2
    assert page.is_hidden("#error")


def test_with_the_keyboard_alone(open_page):
    page = open_page()

    def tab_to(target):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("target => document.activeElement.matches(target)", target):
                return
        raise AssertionError(f"the Tab key does not lead to {target}")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    tab_to("#examples button:nth-of-type(3)")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.getElementById('convergence').value === '15'")
    tab_to("#convergence")
    page.keyboard.press("Enter")
    page.wait_for_selector("#shown:not([hidden])")
    # The answer has the focus, so that a reader of the screen reads it.
    page.wait_for_function("() => document.activeElement.id === 'answer'")
    page.wait_for_selector("#viewers:not([hidden])")
    tab_to("#measured")
    page.keyboard.press("+")
    tab_to("#save-csv")


def test_downloads(open_page):
    page = open_page()
    infer_example(page)

    def download(button):
        with page.expect_download() as waiting:
            page.click(button)
        return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()

    name, content = download("#save-json")
    assert name == "sto-001-300kV_42nm.json"
    answer = json.loads(content)
    assert answer["system"] == "sto-001-300kV"
    assert "thickness_distribution" in answer
    name, content = download("#save-csv")
    (row,) = csv.DictReader(io.StringIO(content.decode()))
    assert float(row["thickness_nm"]) == pytest.approx(answer["thickness_nm"])
    name, content = download("#save-png")
    assert name.endswith(".png")
    assert content.startswith(b"\x89PNG")


def test_earlier_results_stay(open_page):
    page = open_page()
    infer_example(page, 4)
    first = page.inner_text("#answer-title")
    page.click("#examples button:nth-of-type(1)")
    page.wait_for_function(
        "() => document.getElementById('preview-words').innerText.includes('rutile')"
    )
    page.wait_for_function("() => document.getElementById('system').value === '0'")
    page.click("#submit")
    page.wait_for_function("() => document.querySelectorAll('#session-rows tr').length === 2")
    assert page.inner_text("#answer-title") != first
    page.click("#session-rows tr:nth-of-type(1) button.plain")
    page.wait_for_function(
        "first => document.getElementById('answer-title').innerText === first", arg=first
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_accessibility_fault(open_page, scheme):
    page = open_page(color_scheme=scheme)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert serious_faults(page) == []
    page.click("#submit")
    assert serious_faults(page) == []
    infer_example(page)
    assert serious_faults(page) == []
    assert serious_faults(open_page("/docs", color_scheme=scheme)) == []


def test_every_part_has_a_name_of_its_own(open_page):
    names = open_page().evaluate("[...document.querySelectorAll('[id]')].map(({ id }) => id)")
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_dark_theme_is_kept(open_page):
    page = open_page()
    page.click("#theme")
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("width", [320, 700])
def test_narrow_window_does_not_scroll_sideways(open_page, width):
    page = open_page(viewport={"width": width, "height": 800})
    infer_example(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
