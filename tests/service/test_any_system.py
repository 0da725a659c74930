"""All systems asked for one pattern, over HTTP and on the page."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from pacbedclient import Client

from pacbed.errors import BundleError
from pacbed.service import inference
from tests.cli_tools import (
    CONVERGENCE_MRAD,
    SYSTEM,
    make_data_folder,
    make_pattern,
    ship_only,
)
from tests.service.conftest import ASKS_SEVERAL, post
from tests.service.dm4 import dm4_bytes
from tests.service.test_page import browser, infer_example, open_page  # noqa: F401
from tests.service.test_page import pytestmark as needs_chromium

ASKED = {"system": "any", "convergence_angle": 20, "validation": False}


def npy(pattern):
    file = io.BytesIO()
    np.save(file, pattern)
    return file.getvalue()


def test_the_right_system_comes_first(server, example):
    """Asked by the client, which gets all that the service says."""
    client = Client(server.url)
    estimate = client.infer(example, 20, system="any")
    answer = estimate.answer
    assert estimate.system == "sto-001-300kV"
    ranking = answer["ranking"]
    assert ranking[0]["system"] == answer["system"] == "sto-001-300kV"
    assert ranking[0]["thickness_nm"] == answer["thickness_nm"] == pytest.approx(42, abs=1)
    # All that cover the angle; their residuals tell them apart.
    assert len(ranking) >= 3
    assert answer["unasked"] == []
    structured = [entry["structured_residual"] for entry in ranking]
    assert structured[0] == min(structured)
    one = client.infer(example, 20, system=answer["system"]).answer
    assert one["thickness_nm"] == answer["thickness_nm"]
    assert (one["ranking"], one["unasked"]) == (None, None)


def test_time_is_bounded_and_the_rest_is_named(make_client, example):
    client = make_client(request_seconds=60)
    client.app.state.services.inference._asking_seconds = 0.0
    answer = post(client, ASKED, npy(example), "a.npy").json()
    assert len(answer["ranking"]) == 1
    assert len(answer["unasked"]) >= 2
    assert not {entry["system"] for entry in answer["ranking"]} & set(answer["unasked"])


def test_a_broken_system_is_left_out(make_client, example, monkeypatch, tmp_path):
    ship_only(monkeypatch, tmp_path, "sto-001-200kV", "sto-001-300kV")
    client = make_client()
    catalogue = client.app.state.services.catalogue
    original = catalogue.predictor

    def broken(system):
        if system.name == "sto-001-200kV":
            raise BundleError("a secret path")
        return original(system)

    monkeypatch.setattr(catalogue, "predictor", broken)
    answer = post(client, ASKED, npy(example), "a.npy")
    assert answer.status_code == 200, answer.text
    assert answer.json()["system"] == "sto-001-300kV"
    assert answer.json()["unasked"] == ["sto-001-200kV"]
    monkeypatch.setattr(
        catalogue, "predictor", lambda _: broken(SimpleNamespace(name="sto-001-200kV"))
    )
    answer = post(client, ASKED, npy(example), "a.npy")
    assert (answer.status_code, answer.json()["code"]) == (503, "bundle")
    assert "secret" not in answer.text


def test_the_angle_may_be_missing(make_client, small_table, monkeypatch, tmp_path):
    """Only one is asked: this is about the angle."""
    ship_only(monkeypatch, tmp_path)
    make_data_folder(tmp_path / "data", small_table)
    client = make_client(data=tmp_path / "data")
    asked = {"system": "Any", "validation": False}
    answer = post(client, asked, npy(make_pattern(small_table)), "a.npy").json()
    assert answer["convergence_mrad"] == pytest.approx(CONVERGENCE_MRAD, rel=0.03)
    assert [entry["system"] for entry in answer["ranking"]] == [SYSTEM.name]


def test_the_high_tension_of_the_file_goes_first(make_client, example, monkeypatch):
    asked = []
    original = inference.ask_several

    def noting(models, *arguments):
        asked.extend(model.system.high_tension_kV for model in models)
        return original(models, *arguments)

    monkeypatch.setattr(inference, "ask_several", noting)
    client = make_client()
    client.app.state.services.inference._asking_seconds = 0.0
    content = dm4_bytes(example[None], voltage=80e3)
    answer = post(client, ASKED, content, "a.dm4")
    assert answer.status_code == 200, answer.text
    assert asked[0] == 80
    assert asked.index(300) > asked.index(80)


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"refine": False}, "leave out refine"), ({"convergence_angle": 70}, "covered by none")],
)
def test_what_cannot_be_ranked_is_refused(client, example, changed, words):
    answer = post(client, ASKED | changed, npy(example), "a.npy")
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


@needs_chromium
@ASKS_SEVERAL
def test_any_of_these_on_the_page(open_page, asked_once):  # noqa: F811
    page = open_page()
    asked_once.watch(page)
    page.click("#examples button:nth-of-type(4)")
    page.wait_for_function("() => document.getElementById('convergence').value !== ''")
    page.select_option("#system", "any")
    assert "in turn" in page.inner_text("#convergence-hint")
    page.click("#submit")
    page.wait_for_selector("#shown:not([hidden])")
    rows = page.locator("#ranking-rows tr")
    assert rows.count() >= 3
    assert "sto-001-300kV" in rows.first.inner_text()
    assert page.is_hidden("#unasked")
    # Maps are of one system.
    page.set_input_files("#scan", {"name": "a.npy", "mimeType": "x/y", "buffer": b"x"})
    page.click("#map-submit")
    assert "one system" in page.inner_text("#map-error")
    # An answer of one system shows no ranking.
    infer_example(page)
    page.wait_for_function("() => document.querySelectorAll('#session-rows tr').length === 2")
    page.wait_for_selector("#ranking", state="hidden")
