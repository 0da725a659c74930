"""``POST /stage/``: the arithmetic behind the page's panel."""

import json

import pytest

from pacbed.stage import read_stage

PATTERNS = [
    {"alpha_deg": 0, "beta_deg": 0, "tilt_x_mrad": 0, "tilt_y_mrad": 0, "tilt_std_mrad": 0.06},
    {"alpha_deg": 1, "beta_deg": 0, "tilt_x_mrad": 17.45, "tilt_y_mrad": 0, "tilt_std_mrad": 0.06},
    {"alpha_deg": 1, "beta_deg": 1, "tilt_x_mrad": 17.45, "tilt_y_mrad": -17.45,
     "tilt_std_mrad": 0.06, "file": "c.dm4"},
]  # fmt: skip
SEEN = {"tilt_x_mrad": 1.745, "tilt_y_mrad": 3.49, "tilt_std_mrad": 0.06}


def asked(client, **parameters):
    return client.post("/stage/", files={"parameters": (None, json.dumps(parameters))})


def test_patterns_calibrate_and_guide(client, tmp_path):
    said = asked(client, patterns=PATTERNS, seen=[SEEN], name="ARM").json()
    assert (said["decided"], said["mirrored"], said["open"]) == (True, True, None)
    (guidance,) = said["guidance"]
    assert (guidance["alpha_deg"], guidance["beta_deg"]) == pytest.approx((-0.1, 0.2), abs=1e-3)
    assert guidance["words"].startswith("tilt α by −0.10°")
    (tmp_path / "stage.toml").write_text(said["file"], encoding="utf-8")
    assert read_stage(tmp_path / "stage.toml").patterns[2].file == "c.dm4"


def test_two_patterns_leave_a_sign_open(client):
    said = asked(client, patterns=PATTERNS[:2], seen=[SEEN]).json()
    assert (said["decided"], said["mirrored"]) == (False, None)
    assert "sign of β" in said["open"]
    assert not said["guidance"][0]["decided"]
    known = asked(client, patterns=PATTERNS[:2], seen=[SEEN], mirrored=True).json()
    assert known["guidance"][0]["beta_deg"] == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"patterns": PATTERNS[:1]}, "patterns"),
        ({"patterns": [PATTERNS[0]] * 2}, "hardly moved"),
        ({"patterns": [PATTERNS[0], PATTERNS[1] | {"alpha_deg": 90}]}, "alpha_deg"),
        ({"patterns": [PATTERNS[0]] * 201}, "patterns"),
        ({"patterns": PATTERNS, "seen": [SEEN] * 101}, "seen"),
        ({"patterns": PATTERNS, "other": 1}, "other"),
    ],
)
def test_what_cannot_be_used_is_named(client, parameters, words):
    response = asked(client, **parameters)
    assert response.status_code == 422
    assert words in response.json()["detail"]
