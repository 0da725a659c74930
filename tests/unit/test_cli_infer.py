"""``pacbed infer``: answers in words, JSON and pictures, and every refusal."""

import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli_tools import (
    SYSTEM,
    THICKNESS_NM,
    TILT_MRAD,
    fail,
    make_data_folder,
    make_pattern,
    run,
    succeed,
)

OPTIONS = ("--system", SYSTEM.name, "--convergence", "12")


@pytest.fixture(scope="module")
def shared(tmp_path_factory, small_table):
    folder = tmp_path_factory.mktemp("cli")
    np.save(folder / "pattern.npy", make_pattern(small_table))
    return make_data_folder(folder / "data", small_table).parent


@pytest.fixture
def here(tmp_path, monkeypatch, shared):
    """A working folder with a pattern in it; the data folder is found by itself."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACBED_DATA", str(shared / "data"))
    shutil.copy(shared / "pattern.npy", tmp_path)
    return tmp_path


def test_words(here):
    words = succeed("infer", "pattern.npy", *OPTIONS, "--mrad-per-pixel", 0.3)
    assert words.startswith("pattern.npy\n")
    found = re.search(r"thickness +(\d+\.\d) ± \d\.\d nm\n", words)
    assert float(found[1]) == pytest.approx(THICKNESS_NM, abs=0.3)
    assert "95 % interval" in words
    assert re.search(r"mistilt +1\.\d+ ± ", words)
    assert re.search(r"x \+1\.[12], y -0\.[67] mrad", words)
    assert "mrad per pixel" in words
    assert "one solution stands out" in words
    assert "residual" in words


def test_spread_of_the_specimen(here):
    words = succeed("infer", "pattern.npy", *OPTIONS, "--spread")
    assert re.search(r"thickness spread +none seen \(below \d\.\d+ nm\)", words)
    assert re.search(r"tilt spread +none seen \(below 0\.\d+ mrad\)", words)
    spread = json.loads(succeed("infer", "pattern.npy", *OPTIONS, "--spread", "--json"))["spread"]
    assert spread["thickness_nm"]["seen"] is False
    assert spread["mean_thickness_nm"] == pytest.approx(THICKNESS_NM, abs=0.3)
    assert "spread" not in json.loads(succeed("infer", "pattern.npy", *OPTIONS, "--json"))
    # Of another crystal's pattern, or noise, it says why there is none.
    rough = np.random.default_rng(0).normal(0, 1, (128, 128))
    y, x = np.mgrid[:128, :128]
    disk = np.hypot(x - 64, y - 64) < 40
    np.save("rough.npy", np.where(disk, 100 + 20 * rough.cumsum(0).cumsum(1) / 200, 1.0))
    words = succeed("infer", "rough.npy", *OPTIONS, "--spread")
    assert re.search(r"spread +not looked for: the answer is \w+", words)


@pytest.mark.parametrize(
    "choice",
    [
        ("--system", "41"),
        ("--system", SYSTEM.name.upper()),
        ("--material", "strontium TITANATE", "--high-tension", "200"),
        ("--material", "SrTiO3", "--high-tension", "200", "--zone-axis", "[001]"),
    ],
)
def test_the_system_is_found_by_number_name_or_conditions(here, choice):
    answer = json.loads(succeed("infer", "pattern.npy", *choice, "--convergence", 12, "--json"))
    assert answer["system"] == SYSTEM.name


def test_json_of_one_file_is_an_object_and_of_several_a_list(here):
    answer = json.loads(succeed("infer", "pattern.npy", *OPTIONS, "--json"))
    assert answer["path"] == "pattern.npy"
    assert answer["thickness_nm"] == pytest.approx(THICKNESS_NM, abs=0.3)
    # The table of the test is coarse: without the camera length scale and tilt are rough.
    assert (answer["tilt_x_mrad"], answer["tilt_y_mrad"]) == pytest.approx(TILT_MRAD, abs=0.6)
    assert answer["mrad_per_pixel"] == pytest.approx(0.3, rel=0.03)
    assert set(answer["metadata"]) >= {"high_tension_kV", "convergence_mrad", "mrad_per_pixel"}
    shutil.copy("pattern.npy", "second.npy")
    answers = json.loads(succeed("infer", "pattern.npy", "second.npy", *OPTIONS, "--json"))
    assert [entry["path"] for entry in answers] == ["pattern.npy", "second.npy"]


def test_known_angle_per_pixel_is_kept(here):
    answer = json.loads(
        succeed("infer", "pattern.npy", *OPTIONS, "--mrad-per-pixel", 0.3, "--json")
    )
    assert answer["mrad_per_pixel"] == pytest.approx(0.3, rel=5e-3)
    assert (answer["tilt_x_mrad"], answer["tilt_y_mrad"]) == pytest.approx(TILT_MRAD, abs=0.1)


def test_a_mask_is_heeded_and_pixels_left_out_are_said(here):
    pattern = np.load(here / "pattern.npy")
    mask = np.zeros(pattern.shape, np.uint8)
    mask[::4, ::3] = 1
    rng = np.random.default_rng(2)
    spoilt = np.where(mask, pattern * rng.uniform(0.1, 4, pattern.shape), pattern)
    np.save(here / "spoilt.npy", spoilt)
    np.save(here / "mask.npy", mask)
    masked = (*OPTIONS, "--mrad-per-pixel", 0.3, "--mask", "mask.npy")
    found = json.loads(succeed("infer", "spoilt.npy", *masked, "--json"))
    assert found["thickness_nm"] == pytest.approx(THICKNESS_NM, abs=0.5)
    assert found["pixels_left_out"] == int(mask.sum())
    words = succeed("infer", "spoilt.npy", *masked, "--report", "picture.png")
    assert f"{mask.sum()} pixels that say nothing" in words
    assert (here / "picture.png").exists()
    np.save(here / "mask.npy", mask[:-1])
    assert "mask has shape" in fail("infer", "spoilt.npy", *masked)
    np.save(here / "mask.npy", np.ones_like(mask))
    assert "masks every pixel" in fail("infer", "spoilt.npy", *masked)


def test_frame_of_a_stack(here):
    pattern = np.load("pattern.npy")
    np.save("stack.npy", np.stack([np.zeros_like(pattern), pattern]))
    succeed("infer", "stack.npy", *OPTIONS, "--frame", 1)
    assert "--frame N" in fail("infer", "stack.npy", *OPTIONS)


def test_report_of_one_and_of_several_files(here):
    succeed("infer", "pattern.npy", *OPTIONS, "--report", "fit.png")
    with Image.open("fit.png") as picture:
        assert picture.format == "PNG"
    shutil.copy("pattern.npy", "second.npy")
    succeed("infer", "pattern.npy", "second.npy", *OPTIONS, "--report", "fits.png")
    assert {path.name for path in here.glob("fit*")} == {
        "fit.png",
        "fits-pattern.png",
        "fits-second.png",
    }


def test_conditions_in_the_file_are_used_shown_and_compared(here, shared):
    from rsciio import hspy

    pattern = np.load("pattern.npy")
    signal = {
        "data": pattern,
        "axes": [
            {"name": n, "size": s, "scale": 0.3, "offset": 0.0, "units": "mrad", "navigate": False}
            for n, s in zip("yx", pattern.shape, strict=True)
        ],
        "metadata": {
            "General": {"title": "first grain"},
            "Signal": {"signal_type": ""},
            "Acquisition_instrument": {"TEM": {"beam_energy": 300.0, "convergence_angle": 12.0}},
        },
        "original_metadata": {},
        "attributes": {"_lazy": False, "ragged": False},
        "package_info": {},
        "learning_results": {},
        "models": {},
        "tmp_parameters": {},
    }
    hspy.file_writer("pattern.hspy", signal)
    words = succeed("infer", "pattern.hspy", "--system", SYSTEM.name)
    assert "300 kV, 12 mrad convergence, 0.3 mrad per pixel, title first grain" in words
    assert "the file states high_tension_kV = 300, but the system is for 200" in words
    words = succeed("infer", "pattern.npy", "--system", SYSTEM.name)
    assert re.search(r"convergence +12\.\d+ ± 0\.\d+ mrad, as the pattern shows", words)


def test_a_data_folder_may_be_named(here, shared, monkeypatch):
    monkeypatch.delenv("PACBED_DATA")
    assert SYSTEM.name in fail("infer", "pattern.npy", *OPTIONS)
    succeed("infer", "pattern.npy", *OPTIONS, "--data", shared / "data")
    assert "nowhere" in fail("infer", "pattern.npy", *OPTIONS, "--data", "nowhere")


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (("--system", "99"), "99"),
        (("--system", "unobtainium"), "unobtainium"),
        ((), "--system"),
        (("--material", "SrTiO3"), "--high-tension"),
        (("--system", "41", "--material", "SrTiO3"), "exclude each other"),
        (("--material", "SrTiO3", "--high-tension", "120"), "120 kV"),
        (("--material", "Si", "--high-tension", "200"), "Si"),
        (("--material", "SrTiO3", "--high-tension", "200", "--zone-axis", "1 1 0"), "1 1 0"),
        (("--material", "SrTiO3", "--high-tension", "200", "--zone-axis", "up"), "zone axis"),
    ],
)
def test_no_such_system(here, choice, words):
    assert words in fail("infer", "pattern.npy", *choice, "--convergence", 12)


@pytest.mark.parametrize("convergence", ["9", "12.5", "-1", "0", "nan"])
def test_convergence_out_of_range(here, convergence):
    line = fail("infer", "pattern.npy", "--system", 41, "--convergence", convergence)
    assert "10 to 12 mrad" in line


@pytest.mark.parametrize("angle", ["0", "-0.1", "nan"])
def test_senseless_angle_per_pixel(here, angle):
    assert "mrad_per_pixel" in fail("infer", "pattern.npy", *OPTIONS, "--mrad-per-pixel", angle)


def _spoilt(share):
    pattern = np.random.default_rng(0).random((64, 64), np.float32)
    pattern.ravel()[: round(share * pattern.size)] = np.nan
    return pattern


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((64, 64)),
        np.full((64, 64), 7),
        np.zeros((0, 64)),
        np.zeros(64),
        np.zeros((64, 64), complex),
        np.random.default_rng(0).random((3, 64, 64)),
        np.random.default_rng(0).random((64, 64, 3)),
        np.random.default_rng(0).random((8, 8)),
        _spoilt(0.02),
        np.full((64, 64), np.inf),
    ],
    ids=["dark", "even", "no rows", "1-D", "complex", "3-D", "colour", "tiny", "NaN", "infinite"],
)
def test_array_that_is_no_pattern(here, array):
    np.save("bad.npy", array)
    assert "bad.npy: " in fail("infer", "bad.npy", *OPTIONS, "--report", "fit.png")
    assert not Path("fit.png").exists()


def _png(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "png")
    return buffer.getvalue()


def _pickle():
    buffer = io.BytesIO()
    np.save(buffer, np.array([[{}]], dtype=object), allow_pickle=True)
    return buffer.getvalue()


_NOISE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("colour.png", _png(_NOISE)),
        ("short.png", _png(_NOISE)[:500]),
        ("short.dm3", b"\0\0\0\3\0\0"),
        ("pickle.npy", _pickle()),
        ("short.npy", _pickle()[:20]),
        ("notes.txt", b"thickness?"),
    ],
)
def test_file_that_is_no_pattern(here, name, content):
    Path(name).write_bytes(content)
    before = sorted(here.iterdir())
    assert f"{name}: " in fail("infer", name, *OPTIONS, "--json")
    assert sorted(here.iterdir()) == before


def test_missing_file_and_folder(here):
    assert "none.npy" in fail("infer", "none.npy", *OPTIONS)
    assert "folder" in fail("infer", here, *OPTIONS)


@pytest.mark.parametrize("name", ["locator.onnx", "reader.onnx", "lacbed.npz", "bundle.json"])
def test_corrupt_bundle(here, shared, name):
    shutil.copytree(shared / "data", "broken")
    (path,) = Path("broken").rglob(name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    line = fail("infer", "pattern.npy", *OPTIONS, "--data", "broken", "--report", "fit.png")
    assert str(path.parent) in line
    path.unlink()
    fail("infer", "pattern.npy", *OPTIONS, "--data", "broken")
    assert not Path("fit.png").exists()


@pytest.mark.parametrize("report", ["fit.jpg", "nowhere/fit.png"])
def test_report_that_cannot_be_written(here, report):
    assert report in fail("infer", "pattern.npy", *OPTIONS, "--report", report)


def test_two_files_of_one_name_have_no_two_reports(here):
    Path("sub").mkdir()
    shutil.copy("pattern.npy", "sub")
    line = fail("infer", "pattern.npy", "sub/pattern.npy", *OPTIONS, "--report", "fit.png")
    assert "fit-pattern.png" in line


def test_usage_errors_have_status_2(here):
    assert run("infer").exit_code == 2
    assert run("infer", "pattern.npy", "--frame", -1).exit_code == 2
    assert run("infer", "pattern.npy", "--misspelt").exit_code == 2


def test_a_frame_the_sum_of_all_and_a_named_array(here):
    import h5py

    pattern = np.load("pattern.npy")
    with h5py.File("scan.h5", "w") as file:
        file["noise/frames"] = np.random.default_rng(0).random((4, 3, 40, 40))
        file["scan/frames"] = np.stack([0 * pattern, 0.25 * pattern, 0.75 * pattern])
        file["microscope"] = 0
        file["microscope"].attrs["accelerating_voltage"] = 300.0
    given = (*OPTIONS, "--mrad-per-pixel", 0.3, "--dataset", "scan/frames", "--json")
    whole = json.loads(succeed("infer", "pattern.npy", *OPTIONS, "--mrad-per-pixel", 0.3, "--json"))
    for frame in ("sum", "1"):
        answer = json.loads(succeed("infer", "scan.h5", *given, "--frame", frame))
        assert answer["thickness_nm"] == pytest.approx(whole["thickness_nm"], abs=0.02)
        # What the file says contradicts the system, and that is said.
        assert answer["metadata"]["high_tension_kV"] == 300
        assert any("high_tension_kV = 300, but" in words for words in answer["warnings"])
    assert "choose one with --frame N (0 to 2)" in fail("infer", "scan.h5", *given)
    assert "--frame sum" in fail("infer", "scan.h5", *given)
    assert "give a number from 0 on, or sum" in fail("infer", "scan.h5", *given, "--frame", "all")
