"""The list of known crystals in the page's form for own crystals, in a real browser."""

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


def file_name(page):
    return page.evaluate("document.getElementById('cif').files[0]?.name ?? ''")


def test_a_known_crystal_is_one_click_away(open_page):  # noqa: F811
    page = open_page()
    page.click("#own-open")
    page.wait_for_function("() => document.querySelectorAll('#known option').length >= 39")
    page.select_option("#known", "GaN")
    page.wait_for_function("() => document.getElementById('cif').files.length === 1")
    assert file_name(page) == "GaN.cif"
    assert page.input_value("#axis") == "1 1 -2 0"
    assert "estimates" in page.inner_text("#known-hint")
    assert serious_faults(page) == []
    page.fill("#tension", "200")
    page.click("#own-read")
    page.wait_for_selector("#understood:not([hidden])")
    assert page.inner_text("#understood-title") == "Understood as GaN"
    # The next choice replaces the axis that the first proposed, and what was understood.
    page.select_option("#known", "SrTiO3")
    page.wait_for_function("() => document.getElementById('axis').value === '0 0 1'")
    assert page.is_hidden("#understood")
    assert page.inner_text("#known-hint") == ""


def test_a_file_and_an_axis_of_ones_own_stay(open_page, repository):  # noqa: F811
    page = open_page()
    page.click("#own-open")
    page.wait_for_function("() => document.querySelectorAll('#known option').length >= 39")
    page.fill("#axis", "1 1 2")
    page.select_option("#known", "Si")
    page.wait_for_function("() => document.getElementById('cif').files.length === 1")
    assert page.input_value("#axis") == "1 1 2"
    page.set_input_files("#cif", repository / "tests" / "data" / "crystals" / "Si.cif")
    page.wait_for_function("() => document.getElementById('known').value === ''")
    page.select_option("#known", "Au")
    page.wait_for_function("() => document.getElementById('cif').files[0]?.name === 'Au.cif'")
    page.select_option("#known", "")
    page.wait_for_function("() => document.getElementById('cif').files.length === 0")
