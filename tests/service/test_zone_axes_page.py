"""The picture of zone axes in the page's form for own crystals, in a real browser."""

import pytest

from tests.service.conftest import serving
from tests.service.test_page import (  # noqa: F401
    browser,
    open_page,
    pytestmark,
    serious_faults,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("server")) as server:
        yield server


def marked(page):
    return page.evaluate("document.querySelector('#axes-picture :checked')?.value ?? null")


def test_a_zone_axis_is_chosen_in_the_picture(open_page, repository):  # noqa: F811
    page = open_page(color_scheme="dark", viewport={"width": 390, "height": 844})
    page.click("#own-open")
    page.set_input_files("#cif", repository / "tests" / "data" / "crystals" / "GaN.cif")
    page.fill("#tension", "200")
    page.wait_for_selector("#axes-picture input")
    assert marked(page) is None
    # A click fills the field, and the cell is drawn along that axis.
    page.click("#axes-picture input[value='0 0 0 1']")
    assert page.input_value("#axis") == "0 0 0 1"
    assert "repeats every 5.18 Å" in page.inner_text("#axes-words")
    page.wait_for_selector("#understood:not([hidden])")
    assert "along [001] = [0 0 0 1], 200 kV" in page.inner_text("#understood-lines")
    page.fill("#factor-Ga", "0.4")
    # So does an arrow key; it leaves the focus where it is, and what was stated of B.
    page.focus("#axes-picture :checked")
    page.keyboard.press("ArrowRight")
    assert page.input_value("#axis") == marked(page) == "1 0 -1 0"
    page.wait_for_function(
        "() => document.getElementById('understood-lines').innerText.includes('along [210]')"
    )
    assert page.evaluate("document.activeElement.value") == "1 0 -1 0"
    assert page.input_value("#factor-Ga") == "0.4"
    # What is typed is marked, with three indices or four, and from the other side as well.
    for typed, axis in (("110", "1 1 -2 0"), ("[-1 -1 2 0]", "1 1 -2 0"), ("9 9 1", None)):
        page.fill("#axis", typed)
        assert marked(page) == axis, typed
    label = page.get_attribute("#axes-picture input[value='1 1 -2 0']", "aria-label")
    assert label == "[1 1 -2 0] repeats every 3.19 Å, one of 3 alike"
    assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # What is no structure has no axes, and that is said at its field.
    broken = {"name": "a.cif", "mimeType": "text/plain", "buffer": b"data_x\n"}
    page.set_input_files("#cif", broken)
    page.wait_for_selector("#cif-error:not([hidden])")
    assert page.is_hidden("#axes")
    assert page.evaluate("document.activeElement.id") == "axis"
