"""Patterns that are turned or masked before they are asked, and their pictures."""

import json

import numpy as np
import pytest

from pacbed.pattern.square_pixels import square_pixels
from pacbed.readers import Measurement, Metadata
from pacbed.readers.turned import turned, turned_words
from tests.service.conftest import post
from tests.service.test_views import ASKED, NEEDED, npy


@pytest.mark.parametrize(
    ("turn_deg", "mirrored", "expected"),
    [(0, True, [[2, 1, 0], [5, 4, 3]]), (90, False, [[3, 0], [4, 1], [5, 2]]),
     (180, False, [[5, 4, 3], [2, 1, 0]]), (270, True, [[0, 3], [1, 4], [2, 5]])],
)  # fmt: skip
def test_mirrored_first_and_then_turned_clockwise(tmp_path, turn_deg, mirrored, expected):
    data = np.arange(6, dtype=np.float32).reshape(2, 3)
    metadata = Metadata(mrad_per_pixel_axes=(0.2, 0.1))
    found = turned(Measurement(data, tmp_path, metadata, pixel_mask=data == 2), turn_deg, mirrored)
    assert found.data.tolist() == expected
    assert (found.pixel_mask == (found.data == 2)).all()
    assert found.metadata.pixel_aspect == (2.0 if turn_deg in (0, 180) else 0.5)
    assert bool(turned_words(turn_deg, mirrored)) == (turn_deg != 0 or mirrored)


@pytest.fixture(scope="module")
def asked(client, example):
    return post(client, ASKED, npy(example), "a.npy").json()


def test_a_turned_pattern_answers_in_its_own_axes_and_says_so(client, example, asked):
    described = {"turn_deg": 90, "mirrored": True}
    content = npy(example)
    found = post(client, ASKED | {"file_params": described}, content, "a.npy").json()
    assert found["thickness_nm"] == pytest.approx(asked["thickness_nm"], abs=0.2)
    # Mirrored, x points the other way; turned clockwise, x to the right becomes y downwards.
    assert found["tilt_x_mrad"] == pytest.approx(-asked["tilt_y_mrad"], abs=0.05)
    assert found["tilt_y_mrad"] == pytest.approx(-asked["tilt_x_mrad"], abs=0.05)
    assert "mirrored left to right and then turned by 90° clockwise" in found["warnings"][0]
    assert not any("turned" in words for words in asked["warnings"])
    # Its pictures and its preview are turned in the same way.
    kept = {name: found[name] for name in NEEDED} | {"file_params": described}
    views = post(client, kept, content, "a.npy", "/views/").json()
    plain = post(client, {n: asked[n] for n in NEEDED}, content, "a.npy", "/views/").json()
    assert views["center_row_px"] != plain["center_row_px"]
    preview = [
        client.post(
            "/preview/",
            data={"file_params": json.dumps(described if i else {})},
            files={"file": ("a.npy", npy(example[:-6]))},
        ).json()
        for i in range(2)
    ]
    assert (preview[1]["rows"], preview[1]["columns"]) == (256, 250)
    assert preview[0]["picture"] != preview[1]["picture"]


def test_a_mask_is_turned_with_its_pattern_and_seen_in_its_pictures(client, example):
    mask = np.zeros(example.shape, np.uint8)
    mask[:, :60] = 1
    files = {"file": ("a.npy", npy(example)), "mask": ("m.npy", npy(mask))}
    described = {"turn_deg": 90}

    def ask(path, parameters):
        return client.post(path, data={"parameters": json.dumps(parameters)}, files=files).json()

    found = ask("/inference/", ASKED | {"file_params": described, "views": True})
    assert found["pixels_left_out"] >= 60 * 256
    kept = {name: found[name] for name in NEEDED} | {"file_params": described}
    assert ask("/views/", kept)["measured"] == found["views"]["measured"]
    assert ask("/views/", kept) == found["views"]


def test_a_small_pattern_is_cut_out_of_a_large_record_by_a_mask(client, example, asked):
    record, mask = np.full((700, 700), 900, np.uint16), np.ones((700, 700), np.uint8)
    record[100:356, 300:556], mask[100:356, 300:556] = example, 0
    files = {"file": ("a.npy", npy(record)), "mask": ("m.npy", npy(mask))}
    parameters = {"parameters": json.dumps(ASKED | {"views": True})}
    found = client.post("/inference/", data=parameters, files=files).json()
    assert found["status"] == "ok"
    assert found["center_row_px"] == pytest.approx(100 + asked["center_row_px"], abs=0.5)
    kept = {"parameters": json.dumps({name: found[name] for name in NEEDED})}
    assert client.post("/views/", data=kept, files=files).json() == found["views"]


def test_pixels_that_are_not_square_are_drawn_as_they_were_asked(client, example):
    content = npy(square_pixels(example, 0.5).astype(np.float32))
    answer = post(client, ASKED | {"pixel_aspect": 0.5, "views": True}, content, "a.npy").json()
    assert answer["pixel_aspect"] == 0.5
    kept = {name: answer[name] for name in (*NEEDED, "pixel_aspect")}
    assert post(client, kept, content, "a.npy", "/views/").json() == answer["views"]


def test_a_calibration_of_recorded_axes_is_not_taken_for_turned_ones(client, example):
    response = client.post(
        "/inference/",
        data={"parameters": json.dumps(ASKED | {"file_params": {"mirrored": True}})},
        files={"file": ("a.npy", npy(example)), "microscope": ("m.toml", b"")},
    )
    assert response.status_code == 422
    assert "leave out" in response.json()["detail"]
