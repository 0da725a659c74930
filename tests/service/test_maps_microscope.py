"""A map takes the angles of a calibrated microscope, where none are given."""

import json

import pytest

from pacbed.microscope.file import microscope_text
from pacbed.microscope.record import Microscope
from pacbed.service.maps.jobs import REQUEST

SESSION = Microscope(300.0, 20.1, 0.1, 0.31, 0.003)


@pytest.fixture
def post(make_client, tmp_path):
    """Ask for a map; what the job is to do, or why it is refused. The scan itself is none."""
    client = make_client(map_folder=tmp_path)

    def post(microscope, **parameters):
        asked = {"system": "sto-001-300kV", "window": [2, 2], **parameters}
        parts = {"parameters": (None, json.dumps(asked)), "file": ("scan.npy", b"no scan"),
                 "microscope": ("m.toml", microscope)}  # fmt: skip
        answer = client.post("/maps/", files=parts)
        if answer.status_code != 202:
            return answer.json()["detail"]
        (request,) = tmp_path.glob(f"**/{REQUEST}")
        return json.loads(request.read_text())

    return post


@pytest.mark.parametrize(
    ("given", "angle", "scale"),
    [({}, 20.1, 0.31), ({"convergence_mrad": 19.0}, 19.0, 0.31),
     ({"mrad_per_pixel": 0.4}, 20.1, 0.4)],
)  # fmt: skip
def test_what_is_given_goes_before_it(post, given, angle, scale):
    asked = post(microscope_text(SESSION).encode(), **given)
    assert (asked["convergence_mrad"], asked["mrad_per_pixel"]) == (angle, scale)


def test_a_wrong_one_is_refused_in_words(post):
    other = microscope_text(Microscope(200.0, 20.1, 0.1, 0.31, 0.003)).encode()
    assert "calibrated at 200 kV, sto-001-300kV is for 300 kV" in post(other)
    assert post(b"version = 7").startswith("m.toml: is no calibration")
    wild = microscope_text(Microscope(300.0, 20.1, 0.1, 5000.0, 1.0)).encode()
    assert "an angle that no scan has" in post(wild)
