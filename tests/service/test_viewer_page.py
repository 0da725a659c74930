"""Looking closer at the patterns of an answer, in a real browser."""

import json

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


def test_the_display_says_what_its_colours_and_places_mean(open_page):  # noqa: F811
    page = open_page()
    infer_example(page)
    measured, simulated = pixels(page, "measured"), pixels(page, "simulated")
    # Of the two, the same colour is the same intensity.
    assert page.inner_text("#bar-measured") == page.inner_text("#bar-simulated")
    low, middle, high = map(float, page.inner_text("#bar-measured").split())
    assert low < middle < high
    page.check("#log-simulated")
    assert pixels(page, "measured") == measured
    assert pixels(page, "simulated") != simulated
    assert float(page.inner_text("#bar-simulated").split()[1]) < middle
    page.select_option("#intensity", "log")
    assert page.is_checked("#log-measured")
    page.select_option("#intensity", "linear")
    assert pixels(page, "simulated") == simulated
    page.click("#limits summary")
    page.fill("#display-high", str(high / 2))
    page.press("#display-high", "Enter")
    assert pixels(page, "measured") != measured
    assert float(page.inner_text("#bar-measured").split()[2]) == high / 2
    # What would turn light and dark around is not taken.
    page.fill("#display-high", "-1")
    page.press("#display-high", "Enter")
    assert page.input_value("#display-high") == str(high / 2).removesuffix(".0")
    page.click("#limits-reset")
    assert pixels(page, "measured") == measured
    whole = pixels_of(page, "#distribution canvas")
    page.click("#peak")
    assert pixels_of(page, "#distribution canvas") != whole
    page.click("#peak")
    assert pixels_of(page, "#distribution canvas") == whole
    assert page.is_hidden("#explanation")
    assert serious_faults(page) == []


def pixels_of(page, place):
    return page.evaluate("place => document.querySelector(place).toDataURL()", place)


def test_an_alternative_is_drawn_and_the_status_explained(open_page):  # noqa: F811
    page = open_page()

    def doubtful(route):
        answer = route.fetch().json()
        other = {name: answer[name] for name in (
            "tilt_x_mrad", "tilt_y_mrad", "rotation_deg", "convergence_mrad", "mrad_per_pixel",
            "center_row_px", "center_column_px", "mistilt_mrad",
        )} | {"thickness_nm": 30.0, "probability": 0.3, "residual": 0.02}  # fmt: skip
        answer |= {"status": "ambiguous", "alternatives": [other]}
        route.fulfill(body=json.dumps(answer))

    page.route("**/inference/", doubtful)
    infer_example(page)
    drawn = pixels(page, "simulated"), pixels(page, "difference")
    button = page.locator("#alternatives button")
    assert button.inner_text().startswith("30.0 nm")
    button.click()
    page.wait_for_function(
        "() => document.getElementById('simulated-caption').innerText.includes('30.0 nm')"
    )
    assert pixels(page, "simulated") != drawn[0]
    assert pixels(page, "difference") != drawn[1]
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    page.wait_for_function(
        "() => !document.getElementById('simulated-caption').innerText.includes('30.0 nm')"
    )
    assert (pixels(page, "simulated"), pixels(page, "difference")) == drawn
    page.click("#explanation summary")
    assert "Another thickness explains" in page.inner_text("#explanation-why")
    assert "more dose" in page.inner_text("#explanation-help")
    assert serious_faults(page) == []
