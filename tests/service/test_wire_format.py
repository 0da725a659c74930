"""The requests of earlier clients get their answers, and newer ones more."""

import base64
import copy
import io
import json
import math
from dataclasses import replace

import h5py
import numpy as np
import pytest
from PIL import Image

from pacbed import Predictor, load_bundle
from pacbed.microscope.file import microscope_text
from pacbed.microscope.record import Microscope
from tests.service.conftest import post, raw_parameters
from tests.service.dm4 import dm4_bytes

OLD_KEYS = {"thickness", "mistilt", "scale", "validation"}


@pytest.fixture(scope="module")
def alone(example):
    """What the inference says to the example without a service."""
    return Predictor(load_bundle("sto-001-300kV")).infer(example, 20.0)


@pytest.fixture(scope="module")
def unrefined(example):
    return Predictor(load_bundle("sto-001-300kV")).infer(example, 20.0, refine=False)


def check_answer(response, alone):
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["thickness"] == pytest.approx(10 * alone.thickness_nm, rel=1e-4)
    assert answer["mistilt"] == pytest.approx(alone.mistilt_mrad, rel=1e-4)
    assert answer["scale"] == pytest.approx(alone.scale, rel=1e-4)
    return answer


def test_untouched_raw_request(client, example, alone):
    answer = check_answer(post(client, raw_parameters(example), example.tobytes()), alone)
    assert answer.keys() >= OLD_KEYS
    picture = Image.open(io.BytesIO(base64.b64decode(answer["validation"])))
    assert picture.format == "PNG"
    assert picture.mode == "RGB"
    # One truth in twenty lies outside its 95 % interval: three standard errors.
    assert abs(answer["thickness_nm"] - 41.98) < 3 * answer["thickness_std_nm"] < 2


def test_untouched_dm4_request(client, example, alone):
    parameters = raw_parameters(example)
    parameters["file_params"] = {"typ": "dm4"}
    answer = check_answer(post(client, parameters, dm4_bytes(example), "a.dm4"), alone)
    assert answer["metadata"]["high_tension_kV"] == pytest.approx(300)


@pytest.mark.parametrize(
    "changes",
    [
        {"acceleration_voltage": "300000"},
        {"acceleration_voltage": "3e5", "convergence_angle": "20"},
        {"crystal_structure": "strontium titanate"},
        {"crystal_structure": "SRTIO3"},
        {"crystal_structure": "3"},
        {"crystal_structure": "sto-001-300kV"},
        {"zone_axis": {"u": "0", "v": "0", "w": "1"}},
        {"something_else": "of an older client"},
    ],
)
def test_other_words_for_the_same(client, example, alone, changes):
    parameters = raw_parameters(example, validation=False)
    parameters["physical_params"] |= changes
    check_answer(post(client, parameters, example.tobytes()), alone)


@pytest.mark.parametrize("system", [3, "3", "sto-001-300kV", "STO-001-300KV "])
def test_system_in_place_of_conditions(client, example, alone, system):
    parameters = raw_parameters(example, system=system, convergence_angle=20, validation=False)
    del parameters["physical_params"]
    answer = check_answer(post(client, parameters, example.tobytes()), alone)
    assert answer["validation"] is None


def test_the_whole_estimate_is_in_the_answer(client, example, alone):
    answer = post(client, raw_parameters(example), example.tobytes()).json()
    expected = json.loads(json.dumps(alone.to_dict()))
    for volatile in ("provenance", "warnings"):
        del expected[volatile]
    for name, value in expected.items():
        if isinstance(value, float):
            assert answer[name] == pytest.approx(value, rel=1e-3, abs=1e-6), name
        else:
            assert name in answer
    assert answer["status_words"].startswith(answer["status"])
    assert answer["provenance"]["bundle"] == "sto-001-300kV"


@pytest.mark.parametrize("dtype", ["uint16", ">u2", "float32", ">f4", "float64", "int32"])
def test_raw_types(client, example, alone, dtype):
    pattern = example.astype(dtype)
    parameters = raw_parameters(pattern, validation=False)
    parameters["file_params"]["dtype"] = dtype
    check_answer(post(client, parameters, pattern.tobytes()), alone)


def encoded(example, kind):
    buffer = io.BytesIO()
    if kind == "npy":
        np.save(buffer, example)
    else:
        Image.fromarray(example).save(buffer, {"tif": "TIFF"}.get(kind, kind.upper()))
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["npy", "tif", "png"])
@pytest.mark.parametrize("typ", ["auto", "named", "content"])
def test_file_types(client, example, unrefined, kind, typ):
    parameters = {"system": 3, "convergence_angle": 20, "validation": False, "refine": False}
    name = "pattern" if typ == "content" else f"pattern.{kind.upper()}"
    if typ == "named":
        name = "pattern.dat"
        parameters["file_params"] = {"typ": kind}
    check_answer(post(client, parameters, encoded(example, kind), name), unrefined)


def test_refinement_and_views_are_optional(client, example):
    plain = raw_parameters(example, validation=False, refine=False)
    answer = post(client, plain, example.tobytes()).json()
    assert answer["residual"] is None
    assert answer["provenance"]["method"] == "network"
    assert answer["views"] is None
    answer = post(client, {**plain, "views": True}, example.tobytes()).json()
    views = answer["views"]
    measured = np.frombuffer(base64.b64decode(views["measured"]), "<u2")
    assert measured.size == views["rows"] * views["columns"]
    assert views["minimum"] < views["maximum"]
    assert views["simulated"] is not None


def test_whole_report(client, example):
    parameters = raw_parameters(example, validation="report")
    answer = post(client, parameters, example.tobytes()).json()
    picture = Image.open(io.BytesIO(base64.b64decode(answer["validation"])))
    assert picture.size == (1400, 850)


def test_scale_that_is_known_is_kept(client, example):
    parameters = raw_parameters(example, validation=False, refine=False, mrad_per_pixel=0.28)
    answer = post(client, parameters, example.tobytes()).json()
    assert answer["mrad_per_pixel"] == pytest.approx(0.28, rel=0.02)


def test_contradiction_of_the_file_is_told(client, example):
    parameters = {"system": 3, "convergence_angle": 20, "validation": False, "refine": False}
    content = dm4_bytes(example, voltage=200e3)
    answer = post(client, parameters, content, "a.dm4").json()
    assert any("high_tension_kV" in warning for warning in answer["warnings"])


def test_batch_keeps_order_and_survives_a_bad_frame(client, example, unrefined):
    stack = np.stack([example, np.zeros_like(example), np.roll(example, 3, axis=0)])
    parameters = raw_parameters(stack, refine=False)
    parameters["file_params"] |= {"frames": 3}
    response = post(client, parameters, stack.tobytes(), path="/inference/batch/")
    assert response.status_code == 200, response.text
    results = response.json()["results"]
    assert [item["frame"] for item in results] == [0, 1, 2]
    assert results[0]["answer"]["thickness_nm"] == pytest.approx(unrefined.thickness_nm, rel=1e-4)
    assert results[0]["answer"]["validation"] is None
    assert results[1]["answer"] is None
    assert results[1]["problem"]["code"] == "pattern"
    assert results[2]["answer"]["center_row_px"] == pytest.approx(
        results[0]["answer"]["center_row_px"] + 3, abs=1.0
    )


def test_batch_of_a_dm4_stack(client, example):
    stack = np.stack([example, example[::-1]])
    parameters = {"system": 3, "convergence_angle": 20, "refine": False}
    response = post(client, parameters, dm4_bytes(stack), "a.dm4", "/inference/batch/")
    assert [item["frame"] for item in response.json()["results"]] == [0, 1]


def test_a_stack_asks_for_its_frame(client, example):
    stack = np.stack([np.zeros_like(example), example])
    buffer = io.BytesIO()
    np.save(buffer, stack)
    parameters = {"system": 3, "convergence_angle": 20, "validation": False, "refine": False}
    response = post(client, parameters, buffer.getvalue(), "stack.npy")
    assert response.status_code == 422
    assert "frame (0 to 1, or sum)" in response.json()["detail"]
    chosen = copy.deepcopy(parameters) | {"file_params": {"frame": 1}}
    assert post(client, chosen, buffer.getvalue(), "stack.npy").status_code == 200


def test_too_many_frames(make_client, example):
    client = make_client(max_frames=2)
    stack = np.stack([example] * 3)
    parameters = raw_parameters(stack)
    parameters["file_params"] |= {"frames": 3}
    response = post(client, parameters, stack.tobytes(), path="/inference/batch/")
    assert response.status_code == 422
    assert "several requests" in response.json()["detail"]


@pytest.mark.parametrize("kind", ["npy", "raw"])
def test_all_frames_are_added(client, example, unrefined, kind):
    part = example // 2
    stack = np.stack([part, example - part])
    if kind == "raw":
        parameters = raw_parameters(stack, refine=False, validation=False)
        parameters["file_params"] |= {"frames": 2, "frame": "sum"}
        answer = post(client, parameters, stack.tobytes())
    else:
        parameters = {"system": 3, "convergence_angle": 20, "validation": False, "refine": False}
        asked = parameters | {"file_params": {"frame": "sum"}}
        answer = post(client, asked, _npy(stack), "stack.npy")
        looked = client.post(
            "/preview/",
            data={"file_params": '{"frame": "sum"}'},
            files={"file": ("stack.npy", _npy(stack))},
        ).json()
        assert (looked["frame"], looked["frames"]) == ("sum", 2)
    assert answer.status_code == 200, answer.text
    assert answer.json()["thickness_nm"] == pytest.approx(unrefined.thickness_nm, rel=1e-4)


@pytest.fixture(scope="module")
def several(example):
    """An HDF5 file with two arrays of one size, and a list of bad pixels."""
    stored = io.BytesIO()
    bad = np.zeros(example.shape, "u4")
    bad[40:44, 50:54] = 1
    with h5py.File(stored, "w") as file:
        file["entry/first"] = np.zeros_like(example)
        file["entry/second"] = np.where(bad, 60000, example)
        file["entry/pixel_mask"] = bad
    return stored.getvalue()


def test_a_dataset_is_chosen_and_its_bad_pixels_are_left_out(client, several):
    parameters = {"system": 3, "convergence_angle": 20, "validation": False}
    refused = post(client, parameters, several, "a.h5")
    assert refused.status_code == 422
    assert "the parameter dataset" in refused.json()["detail"]
    asked = parameters | {"file_params": {"dataset": "entry/second"}}
    answer = post(client, asked, several, "a.h5").json()
    assert answer["status"] == "ok", answer
    assert answer["pixels_left_out"] == 16
    assert abs(answer["thickness_nm"] - 41.98) < 1


def test_a_mask_of_a_whole_stack(client, example):
    mask = np.zeros(example.shape, np.uint8)
    mask[::5, ::3] = 1
    parts = {"file": ("a.npy", _npy(np.stack([example, example]))), "mask": ("m.npy", _npy(mask))}
    data = {"parameters": json.dumps({"system": 3, "convergence_angle": 20.0, "refine": False})}
    items = client.post("/inference/batch/", data=data, files=parts).json()["results"]
    assert [item["answer"]["pixels_left_out"] for item in items] == [int(mask.sum())] * 2


def test_pixels_that_are_not_square(client, example):
    binned = example.reshape(len(example) // 2, 2, -1).sum(axis=1)
    parameters = {"system": 3, "convergence_angle": 20, "pixel_aspect": 2, "validation": True}
    answer = post(client, parameters, _npy(binned), "a.npy").json()
    assert answer["status"] == "ok"
    assert abs(answer["thickness_nm"] - 41.98) < 1
    assert answer["validation"]
    assert any("not square" in warning for warning in answer["warnings"])
    wrong = post(client, parameters | {"pixel_aspect": 20}, _npy(binned), "a.npy")
    assert wrong.status_code == 422


def test_a_mask_comes_as_a_second_part(client, example):
    mask = np.zeros(example.shape, np.uint8)
    mask[::5, ::3] = 1
    spoilt = np.where(mask, 3 * example.astype(np.uint32), example).astype(np.uint16)
    parts = {"file": ("a.npy", _npy(spoilt)), "mask": ("mask.npy", _npy(mask))}
    data = {"parameters": json.dumps({"system": "sto-001-300kV", "convergence_angle": 20.0})}
    answer = client.post("/inference/", data=data, files=parts).json()
    assert answer["status"] == "ok"
    assert answer["pixels_left_out"] == int(mask.sum())
    assert abs(answer["thickness_nm"] - 41.98) < 1
    assert answer["convergence_mrad"] == pytest.approx(20, rel=0.02)
    assert 0 < answer["convergence_std_mrad"] < 0.5
    inside = [part["thickness_nm"] for part in answer["budget"]["parts"] if part["in_std"]]
    assert math.hypot(*inside) == pytest.approx(answer["thickness_std_nm"])
    assert answer["budget"]["measured"]
    parts["mask"] = ("mask.npy", _npy(mask[:-1]))
    refused = client.post("/inference/", data=data, files=parts)
    assert refused.status_code == 422
    assert "mask has shape" in refused.json()["detail"]


def test_a_microscope_comes_as_a_part(client, example):
    session = Microscope(300.0, 20.0, 0.1, 0.3, 0.003)
    plain = {"system": "sto-001-300kV", "convergence_angle": 20.0}
    parts = {"file": ("a.npy", _npy(example))}
    known = client.post("/inference/", data={"parameters": json.dumps(plain)}, files=parts).json()
    session = replace(session, mrad_per_pixel=known["mrad_per_pixel"])
    parts["microscope"] = ("m.toml", microscope_text(session).encode())
    data = {"parameters": json.dumps({"system": "sto-001-300kV"})}
    answer = client.post("/inference/", data=data, files=parts).json()
    assert answer["status"] == "ok"
    # The networks' way: without an angle only the table's search would answer.
    assert answer["provenance"]["method"] == "fit"
    assert abs(answer["thickness_nm"] - known["thickness_nm"]) < 0.2
    assert answer["warnings"] == []
    other = replace(session, high_tension_kV=200.0)
    parts["microscope"] = ("m.toml", microscope_text(other).encode())
    said = client.post("/inference/", data={"parameters": json.dumps(plain)}, files=parts).json()
    assert "calibrated at 200 kV" in said["warnings"][0]
    parts["microscope"] = ("m.toml", b"version = 7")
    refused = client.post("/inference/", data=data, files=parts)
    assert refused.status_code == 400
    assert refused.json()["detail"].startswith("m.toml: is no calibration")


def _npy(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()
