"""The page's panel that says where to tilt, in a real browser."""

import json

from tests.service.test_page import (  # noqa: F401
    browser,
    infer_example,
    open_page,
    pytestmark,
    serious_faults,
)


def add(page, alpha, beta, count):
    page.fill("#stage-alpha", str(alpha))
    page.fill("#stage-beta", str(beta))
    page.click("#stage-add")
    page.wait_for_function(
        "count => document.querySelectorAll('#stage-rows tr').length === count", arg=count
    )


def test_answers_at_known_angles_say_where_to_tilt(open_page):  # noqa: F811
    page = open_page()
    infer_example(page)
    page.click("#stage-details > summary")
    assert not page.is_visible("#guidance")
    page.click("#stage-add")
    assert "both angles" in page.inner_text("#stage-fault")
    add(page, 0, 0, 1)
    # Two patterns more, as a stage that turns α to the right and β downwards makes them.
    page.evaluate(
        """() => {
            const kept = JSON.parse(localStorage.getItem("pacbed-stages"));
            const [first] = kept.all[kept.current].patterns;
            kept.all[kept.current].patterns.push(
                { ...first, alpha_deg: 1, tilt_x_mrad: first.tilt_x_mrad + 17.45, file: "b.dm4" },
                { ...first, beta_deg: 1, tilt_y_mrad: first.tilt_y_mrad + 17.45, file: "c.dm4" },
            );
            localStorage.setItem("pacbed-stages", JSON.stringify(kept));
        }"""
    )
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    page.click("#session-rows button.plain")
    page.wait_for_selector("#guidance:not([hidden])")
    answer = json.loads(page.evaluate("() => localStorage.getItem('pacbed-stages')"))
    first = answer["all"]["Stage"]["patterns"][0]
    words = page.inner_text("#guidance-words")
    assert f"α by {-first['tilt_x_mrad'] / 17.45:+.2f}°".replace("-", "−") in words
    assert f"β by {-first['tilt_y_mrad'] / 17.45:+.2f}°".replace("-", "−") in words
    assert page.locator("#guidance-drawing svg line").count() == 2
    page.click("#stage-details > summary")
    assert "+α moves the zone axis towards" in page.inner_text("#stage-words")
    assert serious_faults(page) == []
    with page.expect_download() as waiting:
        page.click("#stage-save")
    with open(waiting.value.path(), encoding="utf-8") as file:
        assert 'file = "c.dm4"' in file.read()
    # Without the third a sign is open, and the page says so and how to tell it.
    page.click("#stage-rows tr:last-child button")
    page.wait_for_function(
        "() => document.getElementById('guidance-words').innerText.includes('sign is still open')"
    )
    assert "sign of β is open" in page.inner_text("#stage-words")
    page.select_option("#stage-hand", "no")
    page.wait_for_function(
        "() => !document.getElementById('guidance-words').innerText.includes('still open')"
    )
