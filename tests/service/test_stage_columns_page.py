"""Where the stage was and where to tilt, in the table of a session and its files, in a browser."""

import csv
import io
import json

import pytest

from tests.service.dm4 import dm4_bytes
from tests.service.test_page import (  # noqa: F401
    browser,
    open_page,
    pytestmark,
    serious_faults,
)
from tests.service.test_session_page import saved, settled

#: Sets a calibration as a stage that turns α to the right and β downwards makes it.
CALIBRATE = """angles => {
    const at = ([alpha_deg, beta_deg]) => ({
        alpha_deg, beta_deg, tilt_x_mrad: 17.4533 * alpha_deg, tilt_y_mrad: 17.4533 * beta_deg,
        tilt_std_mrad: 0.05, file: "a.dm4", grain: "" });
    const all = { "Titan, 91 mm": { patterns: angles.map(at), mirrored: null } };
    localStorage.setItem("pacbed-stages", JSON.stringify({ current: "Titan, 91 mm", all }));
}"""


def cell(page, column, row=1):
    place = page.evaluate(
        """key => [...document.querySelectorAll("#session-heads th")]
            .findIndex((head) => head.dataset.key === key) + 1""",
        column,
    )
    return page.inner_text(f"#session-rows tr:nth-of-type({row}) > :nth-child({place})")


def tilts(page, count):
    """Wait until as many rows say where to tilt."""
    page.wait_for_function(
        """count => {
            const heads = [...document.querySelectorAll("#session-heads th")];
            const place = heads.findIndex((head) => head.dataset.key === "tilt");
            return [...document.querySelectorAll("#session-rows tr")]
                .filter((row) => row.cells[place].innerText).length === count;
        }""",
        arg=count,
    )


def calibrate(page, *angles):
    page.evaluate(CALIBRATE, [list(pair) for pair in angles])
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")


def test_stage_and_guidance_are_columns_and_come_back_from_files(open_page, tmp_path, example):  # noqa: F811
    for name, stage_deg in (("a.dm4", (0.52, -1.25)), ("b.dm4", None)):
        (tmp_path / name).write_bytes(dm4_bytes(example, stage_deg=stage_deg))
    page = open_page()
    page.set_input_files("#file", [tmp_path / "a.dm4", tmp_path / "b.dm4"])
    page.wait_for_selector("#preview:not([hidden])")
    page.select_option("#system", "3")
    page.fill("#convergence", "20")
    page.click("#submit")
    settled(page, 2)
    # The file says where the stage was; without a calibration nothing says where to tilt.
    assert cell(page, "stage") == "+0.52, −1.25"
    assert [cell(page, key, 2) for key in ("stage", "tilt")] == ["", ""]
    calibrate(page, (0, 0), (1, 0), (0, 1))
    tilts(page, 2)
    # What the file does not say may be typed, once for the panel and the table.
    page.click("#session-rows tr:nth-of-type(1) button.plain")
    page.wait_for_selector("#guidance:not([hidden])")
    page.click("#stage-details > summary")
    assert page.input_value("#stage-alpha") == "0.52"
    page.click("#session-rows tr:nth-of-type(2) button.plain")
    page.wait_for_function("() => document.getElementById('answer-title').innerText.includes('b.')")
    assert page.input_value("#stage-alpha") == ""
    page.fill("#stage-alpha", "60")
    page.fill("#stage-beta", "0.1")
    page.keyboard.press("Tab")
    page.wait_for_function(
        "() => document.getElementById('session-rows').innerText.includes('+60.00, +0.10')"
    )
    # β counts by the cosine of α.
    page.wait_for_timeout(1000)
    near, far = (cell(page, "tilt", row).split(", ") for row in (1, 2))
    beta = [float(tilt[1].replace("−", "-")) for tilt in (near, far)]
    assert beta[1] == pytest.approx(2 * beta[0], abs=0.02)
    assert serious_faults(page) == []
    # Both files have it, and give it back.
    (tmp_path / "s.csv").write_bytes(saved(page, "#session-csv")[1])
    (tmp_path / "s.json").write_bytes(saved(page, "#session-json")[1])
    first, second = csv.DictReader(io.StringIO((tmp_path / "s.csv").read_text()))
    answer = json.loads((tmp_path / "s.json").read_text())["rows"][0]
    assert float(first["stage_alpha_deg"]) == answer["alpha_deg"] == pytest.approx(0.52)
    assert float(first["guide_alpha_deg"]) == answer["guidance"]["alpha_deg"]
    assert 17.4533 * float(first["guide_alpha_deg"]) == pytest.approx(
        -float(first["tilt_x_mrad"]), abs=0.01
    )
    assert (first["guide_decided"], first["stage_calibration"]) == ("true", "Titan, 91 mm")
    assert float(first["guide_alpha_std_deg"]) > 0
    assert float(second["stage_alpha_deg"]) == 60
    page.evaluate("localStorage.removeItem('pacbed-stages')")
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    for name, button in (("s.csv", "#session-csv"), ("s.json", "#session-json")):
        page.set_input_files("#session-import", tmp_path / name)
        page.wait_for_function(
            "name => document.getElementById('session-name').value === name",
            arg="s" if name == "s.csv" else json.loads((tmp_path / name).read_text())["name"],
        )
        tilts(page, 2)
        assert saved(page, button)[1] == (tmp_path / name).read_bytes(), name
    # And so does the report.
    page.goto(page.evaluate("document.getElementById('session-report').href"))
    page.wait_for_selector("html[data-ready]", state="attached")
    assert "α +0.52°, β −1.25°" in page.inner_text("article:nth-of-type(1)")
    assert "calibration: Titan, 91 mm" in page.inner_text("article:nth-of-type(1)")


def test_a_sign_that_is_open_is_said_in_the_table(open_page, tmp_path, example):  # noqa: F811
    (tmp_path / "a.dm4").write_bytes(dm4_bytes(example))
    page = open_page()
    calibrate(page, (0, 0), (1, 0))
    page.set_input_files("#file", tmp_path / "a.dm4")
    page.wait_for_selector("#preview:not([hidden])")
    page.select_option("#system", "3")
    page.fill("#convergence", "20")
    page.click("#submit")
    page.wait_for_selector("#shown:not([hidden])")
    tilts(page, 1)
    assert cell(page, "tilt").endswith("to tell a sign")
    # Without the calibration that said it, it is not said any more.
    page.click("#stage-details > summary")
    page.click("#stage-rows tr:last-child button")
    tilts(page, 0)
