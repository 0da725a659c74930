"""One pattern against several crystals, side by side, in a real browser."""

from tests.service.conftest import ASKS_SEVERAL
from tests.service.test_page import (  # noqa: F401
    browser,
    infer_example,
    open_page,
    pytestmark,
    serious_faults,
)

PICTURES = """() => [...document.querySelectorAll("#compare-cards canvas")].map((canvas) => (
    new Set(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data).size
))"""


def compared(page, count):
    page.wait_for_function(
        "words => document.getElementById('compare-words').innerText.startsWith(words)",
        arg=f"{count} systems",
    )


@ASKS_SEVERAL
def test_a_mismatch_is_compared_with_all_by_one_click(open_page, asked_once):  # noqa: F811
    page = open_page()
    asked_once.watch(page)
    page.click("#examples button:nth-of-type(4)")
    page.wait_for_function("() => document.getElementById('convergence').value !== ''")
    page.select_option("#system", "2")
    page.click("#submit")
    page.wait_for_selector("#viewers:not([hidden])")
    assert page.get_attribute("#status", "data-status") == "mismatch"
    page.click("#compare-all")
    compared(page, 4)
    cards = page.locator("#compare-cards article")
    # The measured pattern, and behind it the right crystal first.
    assert cards.count() == 5
    assert "1. sto-001-300kV" in cards.nth(1).inner_text()
    assert cards.nth(1).get_attribute("data-status") == "ok"
    assert cards.nth(4).locator("s").count() == 1
    drawn = page.evaluate(PICTURES)
    assert len(drawn) == 9
    assert min(drawn) > 20
    assert serious_faults(page) == []
    # What is taken is the answer, and stands in the session.
    cards.nth(1).get_by_role("button").click()
    page.wait_for_function("() => document.getElementById('status').dataset.status === 'ok'")
    page.wait_for_function("() => document.querySelectorAll('#session-rows tr').length === 2")
    assert page.locator("#compare-cards article").count() == 0
    assert page.is_hidden("#compare-all")
    # Some of them, by the keyboard, in a narrow window.
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#compare-systems input").nth(0).focus()
    page.keyboard.press("Space")
    page.locator("#compare-systems input").nth(1).uncheck()
    page.focus("#compare-go")
    page.keyboard.press("Enter")
    compared(page, 2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
