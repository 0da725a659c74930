"""The part of the page that makes a system of a structure file, in a real browser."""

import json
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

import pacbed
from pacbed.held_folder import hold
from tests.service.conftest import serving
from tests.service.test_own_systems import SMALL
from tests.service.test_page import (  # noqa: F401
    PATIENCE_MS,
    browser,
    open_page,
    pytestmark,
    serious_faults,
)
from tests.unit.test_base_install import PRELUDE

#: Fields of the page by those of the service.
FIELDS = {
    "#axis": "zone_axis",
    "#tension": "high_tension_kV",
    "#own-convergence": "convergence_mrad",
    "#own-thickness": "thickness_max_nm",
    "#own-mistilt": "mistilt_max_mrad",
}


@pytest.fixture(scope="module")
def systems(tmp_path_factory):
    """Where the server of this module makes its systems."""
    return tmp_path_factory.mktemp("systems")


@pytest.fixture(scope="module")
def server(tmp_path_factory, systems):
    """A server of its own, as of the base installation: neither torch nor abTEM can be imported."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "sitecustomize.py").write_text(PRELUDE, encoding="utf-8")
    paths = os.pathsep.join([str(folder), str(Path(pacbed.__file__).parents[1])])
    environment = {"PACBED_SYSTEM_FOLDER": str(systems), "PYTHONPATH": paths}
    with serving(folder, environment=environment) as server:
        yield server


@pytest.fixture
def silicon(repository):
    return repository / "tests" / "data" / "crystals" / "Si.cif"


def fill(page, **changed):
    page.evaluate("document.getElementById('own-details').open = true")
    page.evaluate("document.querySelector('#own-form details').open = true")
    for place, name in FIELDS.items():
        page.fill(place, {**SMALL, **changed}[name])


def chosen(page, silicon, **changed):
    page.click("#own-open")
    assert page.evaluate("document.activeElement.id") == "cif"
    page.set_input_files("#cif", silicon)
    fill(page, **changed)


def read(page):
    page.click("#own-read")
    page.wait_for_selector("#understood:not([hidden])")


def made(page):
    page.wait_for_function("() => document.getElementById('own-done').innerText !== ''")
    return re.match(r"(\S+) is ready", page.inner_text("#own-done"))[1]


def test_from_a_structure_to_an_answer(open_page, silicon, tmp_path, server):  # noqa: F811
    page = open_page()
    chosen(page, silicon)
    read(page)
    # What was understood, and what each B is from.
    assert page.evaluate("document.activeElement.id") == "understood"
    assert page.inner_text("#understood-title") == "Understood as Si"
    lines = page.inner_text("#understood-lines")
    for words in ("Fd-3m", "8 sites", "[110], 200 kV", "symmetry operations", "x (right) = "):
        assert words in lines, lines
    assert "+c points up" in lines
    # Silicon along [110] as the beam sees it: dumbbells, two by two cells.
    columns = page.locator("#understood-lines svg:not(.swatch) circle").count()
    assert columns >= 8
    assert "0.46 Å², from the CIF" in page.inner_text("#factors-fields")
    assert page.get_attribute("#own-name", "placeholder") == "si-110-200kV"
    assert serious_faults(page) == []
    page.click("#own-make")
    name = made(page)
    assert name == "si-110-200kV"
    assert "Si [1 1 0], 200 kV: Si" in page.inner_text("#system option:checked")
    assert page.is_hidden("#own-progress")
    # A pattern of it, with nothing else given: the angle is found.
    query = f"system={name}&thickness_nm=8&convergence_mrad=5&format=npy&size=128"
    (tmp_path / "raw.npy").write_bytes(server.get(f"/pattern/?{query}"))
    np.save(tmp_path / "a.npy", (np.load(tmp_path / "raw.npy") * 1e6).astype(np.float32))
    page.set_input_files("#file", tmp_path / "a.npy")
    page.wait_for_selector("#preview:not([hidden])")
    page.fill("#convergence", "")
    page.click("#submit")
    page.wait_for_selector("#shown:not([hidden])")
    assert float(page.inner_text("#thickness").split()[0]) == pytest.approx(8, abs=0.5)
    assert "Convergence semi-angle" in page.text_content("#all")
    assert serious_faults(page) == []


def test_a_factor_of_ones_own(open_page, silicon, systems):  # noqa: F811
    page = open_page()
    chosen(page, silicon)
    read(page)
    page.fill("#factor-Si", "99")
    page.click("#own-make")
    page.wait_for_selector("#factors-error:not([hidden])")
    assert "between 0 and 20" in page.inner_text("#factors-error")
    page.fill("#factor-Si", "0.5")
    page.fill("#own-name", "my-silicon")
    page.click("#own-make")
    assert made(page) == "my-silicon"
    # The job is forgotten, but its folder tells what was simulated.
    asked = [json.loads(path.read_text()) for path in systems.glob("*/request.json")]
    (factors,) = [one["conditions"]["b_iso"] for one in asked if one["name"] == "my-silicon"]
    assert factors == {"Si": 0.5}


def test_errors_stand_at_their_fields(open_page, silicon, tmp_path):  # noqa: F811
    page = open_page(color_scheme="dark")
    page.click("#own-open")
    page.click("#own-read")
    assert page.evaluate("document.activeElement.id") == "cif"
    for field in ("cif", "axis", "tension"):
        assert page.is_visible(f"#{field}-error"), field
        assert page.get_attribute(f"#{field}", "aria-invalid") == "true"
    assert serious_faults(page) == []
    chosen(page, silicon, zone_axis="north", convergence_mrad="x")
    for field, value, words in (
        ("#own-convergence", "5", "Give one angle"),
        ("#axis", "1 1 0", "not three whole numbers"),
    ):
        page.click("#own-read")
        page.wait_for_selector(f"{field}-error:not([hidden])")
        said = page.inner_text(f"{field}-error")
        assert words in said
        assert "_" not in said
        assert page.evaluate("document.activeElement.id") == field[1:]
        page.fill(field, value)
    (tmp_path / "broken.cif").write_text("data_x\n")
    page.set_input_files("#cif", tmp_path / "broken.cif")
    page.click("#own-read")
    page.wait_for_selector("#cif-error:not([hidden])")
    assert "no atom sites" in page.inner_text("#cif-error")
    page.set_input_files("#cif", silicon)
    read(page)
    assert page.is_hidden("#cif-error")
    # What was understood goes with what it was understood of.
    page.fill("#axis", "0 0 1")
    assert page.is_hidden("#understood")


def test_a_reload_goes_on_and_cancel_ends(open_page, silicon, systems):  # noqa: F811
    turn = hold(systems / ".turn")  # nothing is simulated meanwhile
    page = open_page()
    chosen(page, silicon)
    page.fill("#own-name", "reloaded")
    read(page)
    page.click("#own-make")
    page.wait_for_function("() => sessionStorage.length === 1")
    page.reload()
    page.wait_for_selector("#own-progress:not([hidden])")
    assert "Waiting" in page.inner_text("#own-words")
    turn.release()
    assert made(page) == "reloaded"
    assert "Si [1 1 0]" in page.inner_text("#system option:checked")
    # The next one is cancelled; the service forgets it, and so does the page.
    turn = hold_soon(systems / ".turn")
    chosen(page, silicon)
    page.fill("#own-name", "cancelled")
    read(page)
    page.click("#own-make")
    page.wait_for_function("() => sessionStorage.length === 1")
    page.click("#own-cancel")
    page.wait_for_selector("#own-progress", state="hidden")
    turn.release()
    assert page.is_hidden("#own-error")
    assert page.evaluate("sessionStorage.length") == 0
    assert "cancelled" not in page.evaluate(
        "fetch('systems').then((r) => r.json()).then((all) => all.map(({ name }) => name))"
    )


def hold_soon(path):
    """Hold a lock that the service gives up when its job is written."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while (lock := hold(path)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return lock


def test_with_the_keyboard_alone(open_page, silicon):  # noqa: F811
    page = open_page()

    def tab_to(target):
        for _ in range(60):
            if page.evaluate("target => document.activeElement.matches(target)", target):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"the Tab key does not lead to {target}")

    tab_to("#own-open")
    page.keyboard.press("Enter")
    page.set_input_files("#cif", silicon)  # the window for files is the system's
    for place, name in FIELDS.items():
        if place == "#own-convergence":
            tab_to("#own-form summary")
            page.keyboard.press("Enter")
        tab_to(place)
        page.keyboard.type(SMALL[name])
    page.keyboard.press("Enter")
    page.wait_for_selector("#understood:not([hidden])")
    tab_to("#own-make")
    page.keyboard.press("Enter")
    assert made(page)


def test_a_dropped_structure_goes_where_it_belongs(open_page, silicon):  # noqa: F811
    page = open_page()
    page.evaluate(
        """text => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([text], "Si.cif"));
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
        }""",
        silicon.read_text(),
    )
    assert page.evaluate("document.getElementById('cif').files[0].name") == "Si.cif"
    assert page.evaluate("document.getElementById('own-details').open")
    assert page.is_hidden("#preview")


#: What a program does with the client, with the text of a structure and the fields given.
CLIENT = """async ([text, fields, cancel]) => {
    const { PacbedClient } = await import("/static/pacbed-client.js");
    const client = new PacbedClient(location.origin);
    const file = new File([text], "Si.cif");
    const controller = new AbortController();
    const told = { stages: [], shares: [] };
    const options = {
        signal: controller.signal,
        onStart: (job) => { told.id = job.id; if (cancel) controller.abort(); },
        onProgress: (job) => { told.stages.push(job.stage); told.shares.push(job.share); },
    };
    try {
        const job = await client.addSystem(file, fields, options);
        const names = (await client.systems()).map(({ name }) => name);
        return { ...told, job, there: names.includes(job.name) };
    } catch ({ code, field, status }) {
        return { ...told, code, field, status };
    }
}"""


def test_the_client_waits_for_its_system(open_page, silicon):  # noqa: F811
    page = open_page()
    told = page.evaluate(CLIENT, [silicon.read_text(), SMALL | {"name": "by-client"}, False])
    assert told["there"]
    assert told["job"]["name"] == "by-client"
    assert told["job"]["stage"] == "done"
    assert told["id"] == told["job"]["id"]
    assert set(told["stages"]) <= {"waiting", "simulating"}
    assert told["shares"] == sorted(told["shares"])


def test_the_client_cancels(open_page, silicon, server):  # noqa: F811
    page = open_page()
    slow = SMALL | {"thickness_max_nm": "100", "convergence_mrad": "", "name": "by-nobody"}
    told = page.evaluate(CLIENT, [silicon.read_text(), slow, True])
    assert told["code"] == "cancelled"
    gone = page.evaluate("id => fetch(`systems/jobs/${id}`).then((r) => r.status)", told["id"])
    assert gone == 404
    assert b"by-nobody" not in server.get("/systems")


def test_what_is_cancelled_before_its_events_are_asked_for(open_page, silicon):  # noqa: F811
    page = open_page()
    # The events are asked for when the system is gone.
    page.route("**/events", lambda route: (time.sleep(1), route.continue_()))
    slow = SMALL | {"thickness_max_nm": "100", "convergence_mrad": ""}
    told = page.evaluate(CLIENT, [silicon.read_text(), slow, True])
    assert told["code"] == "cancelled"


def test_the_client_names_the_field(open_page, silicon):  # noqa: F811
    page = open_page()
    told = page.evaluate(CLIENT, [silicon.read_text(), SMALL | {"zone_axis": "north"}, False])
    assert (told["code"], told["field"], told["status"]) == ("structure", "zone_axis", 400)


def test_off_is_said_before_anything_is_filled_in(browser, tmp_path):  # noqa: F811
    with serving(tmp_path, "--allow-host", "lab.example") as server:
        page = browser.new_page()
        page.goto(server.url)
        page.wait_for_selector("html[data-ready]", state="attached")
        page.click("#own-open")
        assert page.is_hidden("#own-form")
        assert "--own-systems" in page.inner_text("#own-off")
        page.close()
