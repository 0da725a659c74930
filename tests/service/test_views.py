"""Pictures of answers that were given before, and what else the page asks of the service."""

import asyncio
import io
import json
import re

import numpy as np
import pytest

from pacbed.service.arrival import ArrivalLimits, ArrivingBody, HeldBytes
from tests.service.conftest import post

NEEDED = (
    "system", "thickness_nm", "tilt_x_mrad", "tilt_y_mrad", "rotation_deg", "convergence_mrad",
    "mrad_per_pixel", "center_row_px", "center_column_px",
)  # fmt: skip
ASKED = {"system": "sto-001-300kV", "convergence_mrad": 20, "validation": False}


def npy(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


@pytest.fixture(scope="module")
def answered(client, example):
    """A pattern with a gap that says nothing, as a file, and its answer with pictures."""
    pattern = example.copy()
    pattern[100:104] = 0
    content = npy(pattern)
    return content, post(client, {**ASKED, "views": True}, content, "a.npy").json()


def test_pictures_are_drawn_again_as_they_were(client, answered):
    content, answer = answered
    kept = {name: answer[name] for name in NEEDED}
    response = post(client, kept, content, "a.npy", "/views/")
    assert response.json() == answer["views"]
    # Numbers in text are a third larger than they need be, and pictures are smooth.
    assert response.headers["Content-Encoding"] == "gzip"
    assert int(response.headers["Content-Length"]) < 0.7 * len(response.content)


def test_a_pattern_that_was_stretched_is_drawn_again_stretched(client, example):
    rows = example[: len(example) // 2 * 2]
    binned = npy(rows.reshape(-1, 2, rows.shape[1]).mean(axis=1))
    answer = post(client, {**ASKED, "views": True, "pixel_aspect": 2}, binned, "a.npy").json()
    assert answer["pixel_aspect"] == 2
    kept = {name: answer[name] for name in (*NEEDED, "pixel_aspect")}
    assert post(client, kept, binned, "a.npy", "/views/").json() == answer["views"]
    impossible = kept | {"pixel_aspect": 0}
    assert post(client, impossible, binned, "a.npy", "/views/").status_code == 422


def test_without_a_direction_nothing_is_simulated(client, answered):
    content, answer = answered
    kept = {name: answer[name] for name in NEEDED} | {"tilt_x_mrad": None}
    assert post(client, kept, content, "a.npy", "/views/").json()["simulated"] is None


def test_an_answer_says_how_many_frames_its_file_holds(client, example):
    stack = npy(np.stack([example, example]))
    answer = post(client, {**ASKED, "file_params": {"frame": 1}}, stack, "a.npy").json()
    assert answer["frames"] == 2
    # What a table of results needs is small.
    assert len(json.dumps(answer)) < 6000


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"convergence_angle": 20}, "not both"),
        ({"file_params": {"fram": 1}}, "file_params.fram"),
    ],
)
def test_what_nobody_reads_is_refused(client, parameters, words):
    response = post(client, {**ASKED, **parameters}, b"x", "a.npy")
    assert response.status_code == 422
    assert words in response.json()["detail"]


def test_health_answers_head(client):
    for path in ("/health/live", "/health/ready"):
        response = client.head(path)
        assert (response.status_code, response.content) == (200, b"")


def test_the_description_names_and_describes(client):
    described = client.get("/openapi.json").json()
    routes = [route for methods in described["paths"].values() for route in methods.values()]
    names = [route["operationId"] for route in routes]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z_]+", name) for name in names)
    for schema in ("Answer", "Views", "Preview", "SystemEntry", "Metadata", "ViewParameters"):
        for name, field in described["components"]["schemas"][schema]["properties"].items():
            assert field.get("description") or "$ref" in field or "anyOf" in field, (schema, name)
    # A line that goes on says so, or a shell takes its rest for a command.
    for route in routes:
        for command in re.findall(r"^ +curl .*(?:\n +\S.*)*", route.get("description", ""), re.M):
            # What goes on after a backslash or within quotes is one line for the shell.
            one_line = re.sub(r"'[^']*'", "", command.replace("\\\n", " "))
            assert "\n" not in one_line, command
            assert not one_line.endswith("\\"), command


@pytest.mark.parametrize(("rate", "arrives"), [(120_000, True), (30_000, False)])
def test_a_slow_upload_is_given_the_time_that_it_needs(monkeypatch, rate, arrives):
    """At 120 kB/s 12 MB take 100 s, longer than the 60 s that a body may take beside its bytes."""
    now = [0.0]
    monkeypatch.setattr("pacbed.service.arrival.time.monotonic", lambda: now[0])
    portions = 12

    async def receive():
        now[0] += 1_000_000 / rate
        count[0] += 1
        return {"type": "http.request", "body": b"x" * 10**6, "more_body": count[0] < portions}

    count = [0]
    body = ArrivingBody(
        receive, ArrivalLimits(60, 10, 10**8, 10**9), HeldBytes(10**9), lambda: None
    )

    async def read():
        while (await body.receive())["more_body"]:
            pass
        return True

    if arrives:
        assert asyncio.run(read())
    else:
        with pytest.raises(Exception, match="less than 64 KiB/s"):
            asyncio.run(read())
