"""In every window, light and dark: report, stage, what was compared, and the description."""

import pytest

from tests.service.conftest import ASKS_SEVERAL
from tests.service.test_page import (  # noqa: F401
    AXE,
    browser,
    in_view,
    infer_example,
    open_page,
    pytestmark,
    serious_faults,
)
from tests.service.test_stage_columns_page import calibrate

WINDOWS = [(1440, 900), (1280, 720), (1024, 768), (390, 844)]
THEMES = ("light", "dark")


def windows(page):
    """The page in each window and theme; nothing ever scrolls sideways."""
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        for theme in THEMES:
            page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            # Charts are drawn anew a moment after the window has changed.
            page.wait_for_function(
                "width => document.documentElement.scrollWidth <= width", arg=width
            )
            yield f"{width} x {height}, {theme}"


def faults_of(page, *places):
    """Faults of parts of a page that has axe."""
    result = page.evaluate("places => axe.run({ include: places })", list(places))
    return [(fault["id"], fault["nodes"][0]["html"][:120]) for fault in result["violations"]]


def test_the_report_of_a_session(open_page):  # noqa: F811
    page = open_page(color_scheme="dark")
    infer_example(page)
    page.wait_for_selector("#session-rows tr[data-state=done]")
    page.goto(page.evaluate("document.getElementById('session-report').href"))
    page.wait_for_selector("html[data-ready]", state="attached")
    # Dark as the page is; its button is there, and on paper all is black on white.
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    ink = "getComputedStyle(document.querySelector('article dd')).color"
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(f"[{ink}, {paper}]")
    page.emulate_media(media="print")
    printed = page.evaluate(f"[{ink}, {paper}]")
    assert printed == ["rgb(28, 27, 34)", "rgb(255, 255, 255)"]
    page.emulate_media(media="screen")
    page.click("#theme")
    assert page.evaluate(ink) != dark[0]
    for window in windows(page):
        in_view(page, "#report-words", "#print", "#report-name")
        assert serious_faults(page) == [], window


@ASKS_SEVERAL
def test_the_stage_and_what_was_compared(open_page, asked_once):  # noqa: F811
    page = open_page()
    asked_once.watch(page)
    calibrate(page, (0, 0), (1, 0), (0, 1))
    infer_example(page)
    page.wait_for_selector("#guidance:not([hidden])")
    page.click("#stage-details > summary")
    page.click("#compare summary")
    # Two of the four are enough.
    for number in (1, 3):
        page.locator("#compare-systems input").nth(number).uncheck()
    page.click("#compare-go")
    page.wait_for_function(
        "() => document.getElementById('compare-words').innerText.includes('the best first')"
    )
    page.evaluate(AXE.read_text())
    for window in windows(page):
        # Where to tilt stands with the answer, in view when that comes.
        page.evaluate("document.getElementById('answer').scrollIntoView()")
        in_view(page, "#status", "#thickness")
        assert page.locator("#guidance-words").bounding_box()["y"] < page.viewport_size["height"]
        places = ("#guidance", "#stage", "#compare", "#microscope-details")
        assert faults_of(page, *places) == [], window
        # A fault of the panel is said beside its button, which brings it into view.
        page.fill("#stage-alpha", "")
        page.click("#stage-add")
        in_view(page, "#stage-fault", "#stage-add")


@pytest.mark.parametrize("theme", THEMES)
def test_the_description_for_programs(open_page, theme):  # noqa: F811
    page = open_page("/docs", color_scheme=theme)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    for _ in windows(page):
        in_view(page, "h1")
    assert serious_faults(page) == []
