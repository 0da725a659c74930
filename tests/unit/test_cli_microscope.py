"""``pacbed calibrate-microscope``, and the commands that take what it writes."""

import json
import shutil
import tomllib
import warnings
from pathlib import Path

import numpy as np
import pytest

from pacbed import read_microscope
from pacbed.commands.map.options import WindowOptions
from pacbed.maps import Scan
from pacbed.microscope.file import microscope_text
from pacbed.microscope.record import Microscope
from tests.cli_tools import SYSTEM, fail, make_data_folder, make_pattern, run, succeed

OPTIONS = ("--system", SYSTEM.name)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, small_table):
    folder = tmp_path_factory.mktemp("microscope")
    clean = np.maximum(make_pattern(small_table), 0)
    for number, name in enumerate("abc"):
        np.save(folder / f"{name}.npy", np.roll(clean, number, axis=0))
    np.save(folder / "noise.npy", np.random.default_rng(9).poisson(9, clean.shape))
    make_data_folder(folder / "data", small_table)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch, shared):
    """A working folder with patterns in it; the data folder is found by itself."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACBED_DATA", str(shared / "data"))
    for file in shared.glob("*.npy"):
        shutil.copy(file, tmp_path)
    return tmp_path


def written(**changed):
    values = {
        "high_tension_kV": 200.0, "convergence_mrad": 12.0, "convergence_std_mrad": 0.05,
        "mrad_per_pixel": 0.3, "mrad_per_pixel_std": 0.002,
    }  # fmt: skip
    Path("m.toml").write_text(microscope_text(Microscope(**(values | changed))))
    return ("--microscope", "m.toml")


def test_a_session_is_calibrated(here):
    files = ("a.npy", "b.npy", "c.npy", "noise.npy")
    options = (*OPTIONS, "--convergence", 12, "-o", "microscope.toml")
    words = succeed("calibrate-microscope", *files, *options)
    assert "a.npy " in words
    assert "left out" in words
    assert "noise.npy: no disk" in words
    found = read_microscope("microscope.toml")
    assert found.convergence_mrad == pytest.approx(12.0, rel=0.02)
    assert found.mrad_per_pixel == pytest.approx(0.3, rel=0.03)
    assert found.system == SYSTEM.name
    content = tomllib.loads(Path("microscope.toml").read_text(encoding="utf-8"))
    assert [entry["file"] for entry in content["pattern"]] == list(files)
    assert [bool(entry.get("left_out")) for entry in content["pattern"]] == [False] * 3 + [True]
    answer = json.loads(
        succeed("infer", "a.npy", *OPTIONS, "--microscope", "microscope.toml", "--json")
    )
    assert answer["provenance"]["method"] == "fit"
    assert answer["thickness_nm"] == pytest.approx(15, abs=0.5)
    # JSON says the same.
    said = json.loads(succeed("calibrate-microscope", *files, *options, "--json"))
    assert said["mrad_per_pixel"] == pytest.approx(found.mrad_per_pixel, rel=1e-4)
    assert said["output"] == "microscope.toml"


def test_frames_and_masks_are_read_as_infer_reads_them(here, monkeypatch):
    from pacbed.infer.networks.predictor import Predictor

    asked = []
    infer = Predictor.infer

    def watched(self, pattern, convergence_mrad=None, mask=None):
        asked.append((pattern, mask))
        return infer(self, pattern, convergence_mrad, mask=mask)

    monkeypatch.setattr(Predictor, "infer", watched)
    clean = np.load("a.npy")
    np.save("stack.npy", np.stack([0 * clean, clean]))
    bad = np.zeros(clean.shape, np.uint8)
    bad[3, 4] = 1
    np.save("bad.npy", bad)
    command = ("calibrate-microscope", "stack.npy", *OPTIONS, "--convergence", 12, "-o", "m.toml")
    words = succeed(*command, "--frame", 1, "--mask", "bad.npy")
    np.testing.assert_array_equal(asked[-1][0], clean)
    np.testing.assert_array_equal(asked[-1][1], bad > 0)
    assert "one pattern alone" in words
    assert "give a number from 0 on, or sum" in fail(*command, "--frame", "x")


def test_what_is_refused(here):
    command = ("calibrate-microscope", "a.npy")
    assert "end the name in .toml" in fail(*command, *OPTIONS, "-o", "m.txt")
    assert "no system was chosen" in fail(*command, "-o", "m.toml")
    assert "--cif CIF" in fail(*command, *OPTIONS, "--cif", "x.cif", "-o", "m.toml")
    assert "a.npy: convergence 50 mrad" in fail(
        *command, *OPTIONS, "--convergence", 50, "-o", "m.toml"
    )
    assert "none.npy" in fail(*command, "none.npy", *OPTIONS, "-o", "m.toml")
    line = fail("calibrate-microscope", "noise.npy", *OPTIONS, "--convergence", 12, "-o", "m.toml")
    assert "no pattern can be used" in line
    assert not Path("m.toml").exists()
    assert "m.toml: cannot be read" in fail("infer", "a.npy", *OPTIONS, "--microscope", "m.toml")


def test_what_it_says_goes_before_the_file_and_after_the_command(here, monkeypatch):
    from pacbed.infer.networks.predictor import Predictor

    asked = []
    infer = Predictor.infer

    def watched(self, pattern, convergence_mrad=None, mrad_per_pixel=None, *rest):
        asked.append((convergence_mrad, mrad_per_pixel, rest[-1]))
        return infer(self, pattern, convergence_mrad, mrad_per_pixel, *rest)

    monkeypatch.setattr(Predictor, "infer", watched)
    session = written()
    succeed("infer", "a.npy", *OPTIONS, *session, "--convergence", 11.8)
    assert asked[-1][:2] == (11.8, None)
    assert asked[-1][2].mrad_per_pixel == 0.3
    succeed("infer", "a.npy", *OPTIONS, *session, "--mrad-per-pixel", 0.29)
    assert asked[-1][:2] == (None, 0.29)


def test_another_high_tension_is_said(here):
    session = written(high_tension_kV=300.0)
    words = succeed("infer", "a.npy", *OPTIONS, *session, "--convergence", 12)
    assert "the microscope was calibrated at 300 kV, the system is for 200 kV" in words


def test_evaluate_takes_it(here):
    session = written()
    Path("labels.csv").write_text(
        "path,material,high_tension_kV,zone_axis,thickness_min_nm,thickness_max_nm\n"
        "a.npy,Strontium titanate,200,0 0 1,14.5,15.5\n"
    )
    found = json.loads(succeed("evaluate", "labels.csv", *session, "--json"))
    assert found["patterns"][0]["status"] == "ok"
    assert found["patterns"][0]["error_nm"] < 0.5


def test_maps_take_it(here):
    written()
    session = read_microscope("m.toml")
    scan = Scan.from_array(np.ones((4, 4, 32, 32), np.float32))
    options = WindowOptions(window="2").map_options(scan, session)
    assert (options.convergence_mrad, options.mrad_per_pixel) == (12.0, 0.3)
    stated = WindowOptions(window="2", convergence=11.0, mrad_per_pixel=0.2)
    options = stated.map_options(scan, session)
    assert (options.convergence_mrad, options.mrad_per_pixel) == (11.0, 0.2)


def test_a_map_says_that_the_high_tension_is_another(here):
    session = written(high_tension_kV=300.0)
    np.save("scan.npy", np.ones((4, 4, 32, 32), np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        result = run("map", "scan.npy", *OPTIONS, *session, "--window", 2, "-o", "m.npz")
    assert result.exit_code == 2  # Of what else is wrong with such a scan.
    assert "pacbed: warning: the microscope was calibrated at 300 kV" in result.stderr
