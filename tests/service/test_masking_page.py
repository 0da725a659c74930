"""A pattern that is turned, masked and cut out at the page, in a real browser."""

import json

import numpy as np
import pytest

from tests.service.test_page import (  # noqa: F401
    browser,
    open_page,
    pixels,
    pytestmark,
    serious_faults,
)

OF_A_MASK = """async ({ turns, mirrored }) => {
    const { PixelMask } = await import("./static/pixel-mask.js");
    const mask = new PixelMask(3, 5);
    mask.brush(0, 4, 1);
    mask.keep([0, 1], [2, 4]);
    let other = mask.turned(turns);
    if (mirrored) other = other.mirrored();
    const bytes = new Uint8Array(await other.file().arrayBuffer());
    return [other.count, [...bytes]];
}"""


@pytest.fixture(scope="module")
def page_of_modules(browser, server):  # noqa: F811
    page = browser.new_page()
    page.goto(server.url)
    yield page
    page.close()


@pytest.mark.parametrize(("turns", "mirrored"), [(0, False), (1, True), (-1, False)])
def test_a_painted_mask_is_a_file_of_numpy(page_of_modules, tmp_path, turns, mirrored):
    count, content = page_of_modules.evaluate(OF_A_MASK, {"turns": turns, "mirrored": mirrored})
    (tmp_path / "mask.npy").write_bytes(bytes(content))
    found = np.load(tmp_path / "mask.npy")
    expected = np.array([[1, 0, 0, 1, 1], [1, 0, 0, 0, 1], [1, 0, 0, 0, 0]], np.uint8)
    expected = np.rot90(expected, -turns)
    np.testing.assert_array_equal(found, expected[:, ::-1] if mirrored else expected)
    assert count == expected.sum()


KEEP_WHAT_IS_SENT = """() => {
    const send = XMLHttpRequest.prototype.send;
    XMLHttpRequest.prototype.send = function (body) {
        if (body?.get("parameters")) window.sent = body;
        send.call(this, body);
    };
}"""
WHAT_WAS_SENT = """async () => [
    window.sent.get("parameters"),
    [...new Uint8Array(await window.sent.get("mask").arrayBuffer())],
]"""


def test_a_pattern_is_turned_masked_and_opened_again(open_page, tmp_path, example):  # noqa: F811
    np.save(tmp_path / "a.npy", example[:-6])
    page = open_page()
    page.set_input_files("#file", tmp_path / "a.npy")
    page.wait_for_selector("#preview:not([hidden])")
    page.select_option("#system", "3")
    page.fill("#convergence", "20")
    recorded = pixels(page, "preview-canvas")
    page.click("#turn")
    page.wait_for_function("() => document.getElementById('preview-canvas').width === 250")
    assert "turned by 90° clockwise" in page.inner_text("#turned-words")
    # A corner is masked with the pointer, and one with the keyboard.
    page.click("#masking summary")
    page.fill("#mask-brush", "40")
    page.select_option("#mask-tool", "paint")
    page.locator("#preview-canvas").click(position={"x": 3, "y": 3})
    assert "pixels" in page.inner_text("#mask-words")
    page.focus("#preview-canvas")
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    before = page.inner_text("#mask-words")
    page.keyboard.press("Space")
    assert page.inner_text("#mask-words") != before
    assert serious_faults(page) == []
    page.evaluate(KEEP_WHAT_IS_SENT)
    page.click("#submit")
    page.wait_for_selector("#viewers:not([hidden])")
    parameters, mask = page.evaluate(WHAT_WAS_SENT)
    assert json.loads(parameters)["file_params"]["turn_deg"] == 90
    (tmp_path / "mask.npy").write_bytes(bytes(mask))
    masked = np.load(tmp_path / "mask.npy")
    # As recorded: of the corners above, turned back, the lower left and the upper left one.
    assert masked.shape == (250, 256)
    assert masked[-1, 0]
    assert masked[0, 0]
    assert not masked[:, 100:].any()
    assert "turned by 90°" in page.inner_text("#warnings")
    drawn = pixels(page, "measured")
    # Another one is chosen, and the row is opened again as it was asked.
    page.click("#mask-clear")
    page.click("#turn")
    page.click("#turn")
    page.click("#turn")
    page.wait_for_function(
        "recorded => document.getElementById('preview-canvas').width === 256", arg=recorded
    )
    assert page.inner_text("#turned-words") == ""
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    page.click("#session-rows button.plain")
    page.wait_for_selector("#viewers:not([hidden])")
    page.wait_for_selector("#preview:not([hidden])")
    assert "turned by 90° clockwise" in page.inner_text("#turned-words")
    assert page.inner_text("#mask-words") == "Mask from mask.npy."
    page.wait_for_timeout(100)
    assert pixels(page, "measured") == drawn


def test_how_a_pattern_was_turned_stands_in_a_table_and_comes_back(page_of_modules):
    script = """async () => {
        const { toCsv, rowsFrom } = await import("./static/session/results.js");
        const { newRow } = await import("./static/session/row.js");
        const asked = { system: 3, refine: true };
        const row = (turned) => newRow({
            session: 1, file: "a.npy", parameters: { ...asked, ...turned }, state: "failed",
        });
        const turned = { file_params: { turn_deg: 90, mirrored: true } };
        const text = toCsv([row(turned), row({})]);
        const { rows } = rowsFrom(text, 1);
        return [rows.map(({ parameters }) => parameters), toCsv(rows) === text];
    }"""
    (first, second), same = page_of_modules.evaluate(script)
    assert first == {
        "system": 3, "refine": True, "file_params": {"turn_deg": 90, "mirrored": True},
    }  # fmt: skip
    assert second == {"system": 3, "refine": True}
    assert same


def test_a_part_is_cut_out_of_a_large_record(open_page, tmp_path, example):  # noqa: F811
    record = np.full((640, 640), 900, np.uint16)
    record[:256, :256] = example
    np.save(tmp_path / "record.npy", record)
    page = open_page()
    page.set_input_files("#file", tmp_path / "record.npy")
    page.wait_for_selector("#preview:not([hidden])")
    page.select_option("#system", "3")
    page.fill("#convergence", "20")
    page.click("#masking summary")
    page.select_option("#mask-tool", "keep")
    page.locator("#preview-canvas").scroll_into_view_if_needed()
    box = page.locator("#preview-canvas").bounding_box()
    page.mouse.move(box["x"] + 1, box["y"] + 1)
    page.mouse.down()
    share = 250 / 640
    page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
    page.mouse.up()
    assert "(85 %)" in page.inner_text("#mask-words")
    page.click("#submit")
    page.wait_for_selector("#viewers:not([hidden])")
    assert page.get_attribute("#status", "data-status") == "ok"
    assert page.inner_text("#thickness").startswith("41.")
