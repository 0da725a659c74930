"""Looking closer at the patterns of an answer, in a real browser."""

from tests.service.test_page import (  # noqa: F401
    browser,
    infer_example,
    open_page,
    pixels,
    pytestmark,
    serious_faults,
)

TWO_FINGERS = """canvas => {
    const box = canvas.getBoundingClientRect();
    const finger = (type, pointerId, share) => canvas.dispatchEvent(new PointerEvent(type, {
        pointerId, pointerType: "touch", bubbles: true,
        clientX: box.left + share * box.width, clientY: box.top + box.height / 2,
    }));
    canvas.setPointerCapture = undefined;
    finger("pointerdown", 1, 0.4);
    finger("pointerdown", 2, 0.6);
    finger("pointermove", 1, 0.2);
    finger("pointermove", 2, 0.8);
    finger("pointerup", 1, 0.2);
    finger("pointerup", 2, 0.8);
}"""


def test_pictures_are_zoomed_and_read(open_page):  # noqa: F811
    page = open_page()
    infer_example(page)
    whole = pixels(page, "measured")
    # Buttons, for those without wheel and keys.
    page.click("#zoom-in")
    assert pixels(page, "simulated") != whole
    page.click("#zoom-out")
    assert pixels(page, "measured") == whole
    # The page scrolls over a picture that nobody clicked.
    page.hover("#measured")
    page.mouse.wheel(0, 200)
    page.wait_for_function("() => scrollY > 50")
    page.evaluate("scrollTo(0, 0)")
    page.mouse.move(0, 0)
    assert pixels(page, "measured") == whole
    page.click("#measured")
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(200)
    page.mouse.move(0, 0)
    assert pixels(page, "measured") != whole
    page.click("#reset")
    # Two fingers.
    page.locator("#measured").evaluate(TWO_FINGERS)
    page.evaluate("document.getElementById('measured').dispatchEvent(new Event('pointerleave'))")
    assert pixels(page, "measured") != whole
    page.click("#reset")
    assert pixels(page, "measured") == whole
    # Each picture's own value, under the pointer and by keys.
    page.hover("#simulated")
    said = page.inner_text("#readout")
    for name in ("measured", "simulated", "difference"):
        assert f"{name} " in said, said
    page.mouse.move(0, 0)
    assert page.inner_text("#readout") == ""
    page.focus("#difference")
    page.keyboard.press("Shift+ArrowRight")
    right = page.inner_text("#readout")
    assert right.startswith("x 0.")
    page.keyboard.press("Shift+ArrowDown")
    assert page.inner_text("#readout") not in ("", right)
    assert serious_faults(page) == []
