"""What the page says, and when: errors in words of its own, statuses that do not say too much."""

import json
import re
import time

import numpy as np
import pytest

from tests.service.conftest import ASKS_SEVERAL
from tests.service.test_page import (  # noqa: F401
    browser,
    open_page,
    pytestmark,
    serious_faults,
)


def choose_example(page, number=4):
    page.click(f"#examples button:nth-of-type({number})")
    page.wait_for_selector("#preview:not([hidden])")
    page.wait_for_function("() => document.getElementById('convergence').value !== ''")


def refused(page, words):
    page.wait_for_function(
        "words => document.getElementById('error').innerText.includes(words)", arg=words
    )


def test_another_page_in_place_of_an_answer_is_said(open_page):  # noqa: F811
    page = open_page()
    choose_example(page)
    page.route(
        "**/inference/",
        lambda route: route.fulfill(status=200, content_type="text/html", body="<h1>Log in</h1>"),
    )
    page.click("#submit")
    refused(page, "login page")
    assert page.is_hidden("#progress")


def test_the_service_says_how_long_to_wait(open_page):  # noqa: F811
    page = open_page()
    choose_example(page)
    asked = []

    def busy(route):
        asked.append(time.monotonic())
        body = json.dumps({"code": "busy", "detail": "all places are taken"})
        route.fulfill(
            status=503, content_type="application/json", body=body, headers={"Retry-After": "3"}
        )

    page.route("**/inference/", busy)
    page.click("#submit")
    while len(asked) < 2:
        page.wait_for_timeout(50)
    assert asked[1] - asked[0] >= 3
    # The focus that was on Cancel is not lost.
    page.focus("#cancel")
    page.keyboard.press("Enter")
    page.wait_for_selector("#progress", state="hidden")
    assert page.evaluate("document.activeElement.id") == "submit"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a.npy: holds 3 frames: choose one with the parameter frame (0 to 2), or send them to "
         "/inference/batch/.",
         "a.npy: holds 3 frames: choose one under Frame (0 to 2), or All frames."),
        ("a.npy: holds 9 frames: choose one with --frame N (0 to 8), or their sum with "
         "--frame sum.",
         "a.npy: holds 9 frames: choose one under Frame (0 to 8), or All frames."),
        ("a.png: the file does not give the convergence semi-angle: add convergence_angle in mrad",
         "a.png: the file does not give the convergence semi-angle: fill it in under Conditions"),
        ("the file states mrad_per_pixel = 0.3, but the pattern shows 0.2",
         "the file states angle per pixel (mrad) = 0.3, but the pattern shows 0.2"),
    ],
)  # fmt: skip
def test_words_of_programs_are_put_into_words_of_the_page(page_of_words, said, shown):
    assert (
        page_of_words.evaluate(
            "async said => (await import('./static/plain.js')).plain(said)", said
        )
        == shown
    )


@pytest.fixture(scope="module")
def page_of_words(browser, server):  # noqa: F811
    page = browser.new_page()
    page.goto(server.url)
    yield page
    page.close()


def test_csv_is_read_as_it_was_written(page_of_words):
    cells = ["plain", 'a "b", c', "two\nlines", "=1+1", "-5", "'=", "", "é"]
    read = page_of_words.evaluate(
        """async cells => {
            const { readCsv, writeCsv } = await import("./static/session/csv.js");
            return readCsv(writeCsv(["a", "b"], cells.map((cell) => ({ a: cell, b: 1.5 }))));
        }""",
        cells,
    )
    assert [row["a"] for row in read] == cells
    assert {row["b"] for row in read} == {"1.5"}


def test_nothing_looks_certain_that_was_not_compared(open_page):  # noqa: F811
    page = open_page()
    choose_example(page)
    # Titanium dioxide at another voltage: networks answer for every pattern.
    page.select_option("#system", "0")
    page.uncheck("#refine")
    page.click("#submit")
    page.wait_for_selector("#viewers:not([hidden])")
    status = page.get_attribute("#status", "data-status")
    assert status != "ok"
    page.select_option("#system", "3")
    page.click("#submit")
    page.wait_for_function("() => document.querySelectorAll('#session-rows tr').length === 2")
    assert page.get_attribute("#status", "data-status") == "unchecked"
    assert page.inner_text("#status").lower().startswith("not checked")
    page.wait_for_selector("#session-rows tr:nth-of-type(2)[data-status=unchecked]")
    assert page.inner_text("#session-rows tr:nth-of-type(2) td:nth-of-type(6)") == "not checked"


@ASKS_SEVERAL
def test_refused_numbers_do_not_look_like_results(open_page, asked_once):  # noqa: F811
    page = open_page()
    asked_once.watch(page)
    choose_example(page)
    # As another crystal it is refused.
    page.select_option("#system", "2")
    page.click("#submit")
    page.wait_for_selector("#viewers:not([hidden])")
    assert page.get_attribute("#status", "data-status") == "mismatch"
    assert "do not hold" in page.inner_text("#refused")
    page.click("#explanation summary")
    assert "No thickness, tilt and rotation" in page.inner_text("#explanation-why")
    assert "Ask all systems" in page.inner_text("#explanation-help")
    assert "line-through" in page.evaluate(
        "getComputedStyle(document.getElementById('thickness')).textDecorationLine"
    )
    page.wait_for_selector("#session-rows s")
    assert page.locator("#session-rows s").count() == 3
    assert serious_faults(page) == []
    # One click asks all systems, and the right one comes first.
    page.click("#ask-all")
    page.wait_for_selector("#ranking:not([hidden])")
    assert "sto-001-300kV" in page.inner_text("#ranking-rows tr:nth-of-type(1)")
    assert page.get_attribute("#status", "data-status") == "ok"
    assert page.is_hidden("#refused")
    assert page.is_hidden("#ask-all")


def test_the_next_file_takes_the_place_of_the_one_before(open_page, tmp_path, example):  # noqa: F811
    page = open_page()
    choose_example(page)
    waiting = []
    page.route("**/preview/", lambda route: route.continue_() if waiting else waiting.append(route))
    np.save(tmp_path / "next.npy", example)
    page.set_input_files("#file", tmp_path / "next.npy")
    # Nothing of the earlier one is shown while the next is read.
    page.wait_for_selector("#preview", state="hidden")
    while not waiting:
        page.wait_for_timeout(20)
    choose_example(page, 1)
    waiting[0].continue_()
    page.wait_for_timeout(500)
    # An answer that comes late does not take its place back.
    assert "rutile" in page.inner_text("#preview-words")
    assert page.evaluate("document.getElementById('file').files[0].name").startswith("rutile")


def test_a_drop_names_its_files_and_what_is_left_out(open_page, content_of):  # noqa: F811
    page = open_page()
    page.evaluate(
        """([names, bytes]) => {
            const transfer = new DataTransfer();
            for (const name of names) {
                transfer.items.add(new File([Uint8Array.from(bytes)], name));
            }
            document.body.dispatchEvent(
                new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
        }""",
        [["a.npy", "b.npy", "notes.txt"], list(content_of)],
    )
    refused(page, "notes.txt")
    files = page.evaluate("[...document.getElementById('file').files].map(({ name }) => name)")
    assert files == ["a.npy", "b.npy"]
    assert page.inner_text("#submit") == "Work through 2 files"


@pytest.fixture(scope="module")
def content_of(example):
    import io

    content = io.BytesIO()
    np.save(content, example[::4, ::4])
    return content.getvalue()


def test_the_chosen_system_shows_its_voltage_and_nothing_reddens_but_what_is_wrong(open_page):  # noqa: F811
    page = open_page()
    for option in page.locator("#system option").all_inner_texts()[:4]:
        assert re.match(r"\S+ \[0 0 1\], \d+ kV", option), option
        assert option.index("kV") < 24
    page.click("#submit")
    assert page.evaluate("document.activeElement.id") == "file"
    wrong = page.evaluate(
        """() => [...document.querySelectorAll("#form input, #form select")]
            .filter((input) => getComputedStyle(input).borderColor === getComputedStyle(
                document.getElementById("error")).borderColor).map(({ id }) => id)"""
    )
    assert set(wrong) <= {"file"}


def test_the_description_has_contents_that_lead_everywhere(open_page):  # noqa: F811
    page = open_page("/docs")
    links = page.locator("#contents a")
    assert links.count() > 30
    for address in links.evaluate_all("links => links.map((link) => link.hash)"):
        assert page.locator(address).count() == 1, address
    # No landmark of one name twice, on either page.
    for path in ("/", "/docs"):
        other = open_page(path)
        names = other.evaluate(
            """() => [...document.querySelectorAll("section, form, nav, main, [role=region]")]
                .map((place) => [place.getAttribute("aria-label"),
                    place.getAttribute("aria-labelledby")].find(Boolean)).filter(Boolean)"""
        )
        assert len(set(names)) == len(names), names


def test_help_is_where_it_is_needed(open_page):  # noqa: F811
    page = open_page()
    assert page.locator("#words dt").count() == 10
    page.click("button[data-help=help-scale]")
    assert page.evaluate("document.activeElement.id") == "help-scale"
    assert page.is_disabled("#scale-take")
    page.fill("#camera-length", "115")
    page.fill("#pixel-size", "15")
    page.fill("#binning", "2")
    assert page.inner_text("#scale-found") == "0.2609 mrad per pixel"
    page.click("#scale-take")
    assert page.input_value("#scale") == "0.2609"
    assert serious_faults(page) == []
