"""The part of the page that keeps a session, in a real browser."""

import csv
import io
import json
import re
import time
from pathlib import Path

import numpy as np
import pytest

from tests.service.test_page import (  # noqa: F401
    browser,
    infer_example,
    is_painted,
    open_page,
    pytestmark,
    serious_faults,
)

DROP = """([names, content]) => {
    const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
    const transfer = new DataTransfer();
    for (const name of names) transfer.items.add(new File([bytes], name));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
}"""


@pytest.fixture(scope="module")
def content(repository):
    """A pattern of SrTiO3 at 300 kV and 20 mrad, as a file."""
    return (repository / "examples" / "sto-001-300kV_42nm.npy").read_bytes()


def drop(page, names, content):
    """Drop files as a user does, and say how they were recorded."""
    import base64

    page.evaluate(DROP, [names, base64.b64encode(content).decode()])
    page.wait_for_selector("#preview:not([hidden])")
    page.select_option("#system", "3")
    page.fill("#convergence", "20")


def settled(page, answered):
    page.wait_for_function(
        "words => document.getElementById('session-words').innerText.startsWith(words)",
        arg=f"{answered} answered",
    )


def table(page):
    """What the table shows, without its buttons."""
    return page.evaluate(
        """() => [...document.querySelectorAll("#session-rows tr")].map((row) => (
            [...row.cells].map((cell) => cell.querySelector("input")?.value ?? cell.innerText)
        ))"""
    )


def saved(page, button):
    with page.expect_download() as waiting:
        page.click(button)
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def done(page):
    return page.locator("#session-rows tr[data-state=done]").count()


def test_forty_patterns_a_reload_and_back_from_a_file(open_page, content, tmp_path):  # noqa: F811
    page = open_page()
    infer_example(page)
    drop(page, [f"p{number:02}.npy" for number in range(40)], content)
    assert page.inner_text("#submit") == "Work through 40 files"
    page.click("#submit")
    started, seen = time.monotonic(), set()
    while done(page) < 15:
        seen.add(page.inner_text("#session-pace").split(",")[0])
        page.wait_for_timeout(50)
    rate = 15 / (time.monotonic() - started)
    assert len(seen) > 3
    # In the middle, everything that came is kept and the rest goes on by itself.
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    before = done(page)
    assert before >= 15
    started = time.monotonic()
    settled(page, 41)
    print(f"{rate:.1f} and {(41 - before) / (time.monotonic() - started):.1f} patterns a second")
    page.fill("#session-name", "A wedge")
    page.fill("#session-note", "Lamella 7")
    page.fill("#session-rows tr:nth-of-type(3) input", "=thin, at the edge")
    page.keyboard.press("Tab")
    page.wait_for_timeout(300)
    rows = table(page)
    assert [row[0] for row in rows[1:]] == [f"p{number:02}.npy" for number in range(40)]
    assert {row[6] for row in rows} == {"ok"}
    assert rows[2][-2] == "=thin, at the edge"
    assert serious_faults(page) == []
    for button, name in (("#session-json", "A-wedge.json"), ("#session-csv", "A-wedge.csv")):
        suggested, file = saved(page, button)
        assert suggested == name
        (tmp_path / name).write_bytes(file)
        page.set_input_files("#session-import", tmp_path / name)
        page.wait_for_function(
            "count => document.getElementById('session-list').options.length === count",
            arg=2 if name.endswith("json") else 3,
        )
        page.wait_for_timeout(300)
        assert table(page) == rows, name
        # A table of results has no place for what is said of the sample.
        assert page.input_value("#session-note") == ("Lamella 7" if name.endswith("json") else "")
        # What was read is written again as it was.
        assert saved(page, button)[1] == file, name
    lines = list(csv.DictReader(io.StringIO((tmp_path / "A-wedge.csv").read_text())))
    assert len(lines) == 41
    assert lines[0]["bundle"] == "sto-001-300kV"
    assert re.fullmatch("[0-9a-f]{64}", lines[0]["bundle_sha256"])
    assert re.fullmatch("[0-9a-f]{64}", lines[0]["file_sha256"])
    assert lines[0]["version"]
    assert lines[0]["date"].startswith("20")
    # No spreadsheet takes a note for a formula.
    assert lines[2]["note"] == "'=thin, at the edge"
    assert json.loads((tmp_path / "A-wedge.json").read_text())["name"] == "A wedge"


def test_a_stack_is_opened_sorted_filtered_and_its_rows_opened(open_page, tmp_path, example):  # noqa: F811
    frames = np.stack([example, np.full_like(example, 7), example[::-1]])
    np.save(tmp_path / "stack.npy", frames)
    np.save(tmp_path / "single.npy", example)
    page = open_page()
    page.set_input_files("#file", [tmp_path / "stack.npy", tmp_path / "single.npy"])
    page.wait_for_selector("#preview:not([hidden])")
    page.select_option("#system", "3")
    page.fill("#convergence", "20")
    page.click("#submit")
    settled(page, 3)
    assert [row[:2] for row in table(page)] == [
        ["stack.npy", "0"], ["stack.npy", "1"], ["stack.npy", "2"], ["single.npy", ""],
    ]  # fmt: skip
    # One frame has no pattern, says why, and spoils no other.
    assert "constant" in page.inner_text("#session-rows tr:nth-of-type(2)")
    page.click("#session-heads th[data-key=status] button")
    assert table(page)[0][1] == "1"
    page.click("#session-heads th[data-key=status] button")
    assert table(page)[-1][1] == "1"
    assert page.get_attribute("#session-heads th[data-key=status]", "aria-sort") == "descending"
    page.click("#session-heads th[data-key=status] button")
    page.fill("#session-filter", "single")
    assert [row[0] for row in table(page)] == ["single.npy"]
    assert page.inner_text("#session-count") == "1 of 4 rows shown"
    page.fill("#session-filter", "")
    page.select_option("#session-status", "failed")
    assert [row[1] for row in table(page)] == ["1"]
    page.select_option("#session-status", "")
    # A row opens with its own conditions and pictures, also after a reload.
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    page.select_option("#system", "0")
    page.fill("#convergence", "")
    page.click("#session-rows tr:nth-of-type(3) button.plain")
    page.wait_for_selector("#viewers:not([hidden])")
    assert page.inner_text("#answer-title") == "Answer for stack.npy, frame 2"
    assert page.input_value("#system") == "3"
    assert page.input_value("#convergence") == "20"
    page.wait_for_selector("#preview:not([hidden])")
    assert page.input_value("#frame") == "2"
    assert is_painted(page, "measured")
    assert is_painted(page, "simulated")
    # The series has a point for each answer, and a click opens it.
    assert page.locator("#series-thickness .mark").count() == 3
    page.locator("#series-thickness .mark").nth(2).click()
    page.wait_for_function(
        "() => document.getElementById('answer-title').innerText.includes('single')"
    )
    # What is removed is gone; the focus stays.
    page.click("#session-rows tr:nth-of-type(2) button.small")
    page.wait_for_function("() => document.querySelectorAll('#session-rows tr').length === 3")
    assert (
        page.evaluate("document.activeElement.getAttribute('aria-label')")
        == "Remove stack.npy, frame 2"
    )


def test_a_service_that_goes_away_loses_nothing(open_page, content):  # noqa: F811
    page = open_page()
    drop(page, ["a.npy", "b.npy", "c.npy", "d.npy"], content)
    page.route("**/inference/", lambda route: route.abort())
    page.click("#submit")
    page.wait_for_selector("#session-go:not([hidden])")
    assert "does not answer" in page.inner_text("#error")
    assert page.inner_text("#session-words") == "Stopped; the rest waits."
    page.unroute("**/inference/")
    page.click("#session-go")
    settled(page, 4)
    # Another window of the same browser does not work on the same session.
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("html[data-ready]", state="attached")
    assert other.locator("#session-rows tr").count() == 0
    assert other.locator("#session-list option").count() == 2
    other.select_option("#session-list", index=1)
    other.wait_for_selector("#error:not([hidden])")
    assert "another window" in other.inner_text("#error")
    # This window goes to a new one and back.
    page.click("#session-new")
    page.wait_for_selector("#session-empty:not([hidden])")
    page.select_option("#session-list", index=2)
    page.wait_for_function("() => document.querySelectorAll('#session-rows tr').length === 4")
    assert page.is_hidden("#error")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#session-delete")
    page.wait_for_selector("#session-empty:not([hidden])")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [("a.csv", "x,y\n1,2\n", "column file is missing"), ("a.json", "{", "damaged"),
     ("b.json", '{"rows": 1}', "no session")],
)  # fmt: skip
def test_a_file_that_is_no_session_is_refused_in_words(open_page, tmp_path, name, text, words):  # noqa: F811
    page = open_page()
    (tmp_path / name).write_text(text)
    page.set_input_files("#session-import", tmp_path / name)
    page.wait_for_selector("#error:not([hidden])")
    assert words in page.inner_text("#error")
    assert name in page.inner_text("#error")


def test_without_a_database_one_pattern_is_still_answered(open_page, browser, content):  # noqa: F811
    page = open_page()
    page.add_init_script("Object.defineProperty(window, 'indexedDB', { value: undefined })")
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert "keeps no session" in page.inner_text("#session-off")
    infer_example(page)
    drop(page, ["a.npy", "b.npy"], content)
    page.click("#submit")
    assert "one pattern at a time" in page.inner_text("#error")
