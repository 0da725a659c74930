"""The report of a session, in a real browser: as it is seen, and as it is printed."""

import re

from tests.service.test_page import (  # noqa: F401
    browser,
    infer_example,
    open_page,
    pytestmark,
    serious_faults,
)


def test_a_session_is_printed_with_a_page_for_each_pattern(open_page):  # noqa: F811
    page = open_page()
    infer_example(page)
    page.wait_for_selector("#session-rows tr[data-state=done]")
    page.fill("#session-name", "A wedge")
    page.fill("#session-note", "Lamella 7\nthinned at 2 kV")
    page.fill("#session-rows tr input", "at the edge")
    page.keyboard.press("Tab")
    # What is said of the sample is kept with the session, and stays while its name is being kept.
    page.wait_for_function(
        "() => document.getElementById('session-list').innerText.includes('A wedge')"
    )
    assert page.input_value("#session-note") == "Lamella 7\nthinned at 2 kV"
    page.wait_for_timeout(300)
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.input_value("#session-note") == "Lamella 7\nthinned at 2 kV"
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page.evaluate("document.getElementById('session-report').href"))
    page.wait_for_selector("html[data-ready]", state="attached")
    assert "Complete" in page.inner_text("#report-words")
    assert page.inner_text("#report-name") == "A wedge"
    assert page.inner_text("#report-note") == "Lamella 7\nthinned at 2 kV"
    assert page.locator("#report-rows tr").count() == 1
    article = page.inner_text("article")
    for words in (
        "Thickness", "95 %", "Mistilt", "Residual", "Angle per pixel", "Asked system", "Version",
        "sto-001-300kV", "at the edge",
    ):  # fmt: skip
        assert words in article, words
    # Of the bundle and of the file.
    assert len(re.findall(r"\b[0-9a-f]{64}\b", article)) == 2
    drawn = page.evaluate(
        """() => [...document.querySelectorAll("article canvas")].map((canvas) => (
            new Set(canvas.getContext("2d").getImageData(0, 0, 440, 440).data).size
        ))"""
    )
    assert len(drawn) == 3
    assert min(drawn) > 20
    assert serious_faults(page) == []
    # On paper: the table, then a page of the pattern; no buttons.
    assert len(re.findall(rb"/Type /Page\b", page.pdf())) == 2
    page.emulate_media(media="print")
    assert page.is_hidden("#print")
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(page.url.replace("session=", "session=9"))
    page.wait_for_selector("html[data-ready]", state="attached")
    assert "no such session" in page.inner_text("#report-words")
