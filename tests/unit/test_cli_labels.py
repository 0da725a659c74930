"""The command line with models that choose among labels."""

import csv
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from pacbed.errors import PatternError
from pacbed.library.installed import load_bundle
from tests.cli_tools import fail, succeed
from tests.label_tools import (
    make_earlier_folder,
    make_label_bundle,
    model_folder,
    recorded_pattern,
)
from tests.unit.test_base_install import PRELUDE


@pytest.fixture(scope="module")
def table():
    return load_bundle("sto-001-300kV").table


@pytest.fixture
def here(tmp_path, monkeypatch, table):
    """A working folder with a pattern of 30 nm in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PACBED_DATA", raising=False)
    np.save("pattern.npy", recorded_pattern(table, 30.0, 3.0, size=192))
    return tmp_path


@pytest.mark.parametrize("form", [".tflite", ".h5"])
def test_earlier_folder_answers_by_its_number(here, form):
    make_earlier_folder(here / "old", form)
    words = succeed("infer", "pattern.npy", "--system", 7, "--data", "old", "--convergence", 20)
    found = re.search(r"thickness +(\d+\.\d) ± \d+\.\d nm\n", words)
    assert float(found[1]) == pytest.approx(30, abs=5)
    assert re.search(r"mistilt +[23]\.\d ± \d\.\d mrad\n", words)
    assert re.search(r"azimuth +not given by this model\n", words)
    assert re.search(r"zone axis +not given by this model\n", words)
    assert "model of the earlier system" in words
    assert "no fit" in words


def test_json_and_report(here):
    make_earlier_folder(here / "data")
    text = succeed(
        "infer", "pattern.npy", "-s", 7, "--convergence", 20, "--json", "--report", "fit.png"
    )
    answer = json.loads(text)
    assert answer["tilt_x_mrad"] is answer["tilt_y_mrad"] is answer["azimuth_deg"] is None
    assert answer["mistilt_mrad"] == pytest.approx(3, abs=0.75)
    assert answer["provenance"]["model"] == "earlier"
    with Image.open("fit.png") as picture:
        assert picture.size == (1400, 850)
        # The circle on which the zone axis lies is drawn in red.
        red = (np.asarray(picture.convert("RGB")) == [0xC0, 0x39, 0x2B]).all(axis=2)
        assert red[500:, 600:880].sum() > 50


def test_without_mistilt(here, table):
    make_label_bundle(here / "data", table, targets=("Thickness", "Scale"))
    options = ("-s", 51, "--convergence", 20, "--data", "data")
    words = succeed("infer", "pattern.npy", *options, "--report", "fit.png")
    assert re.search(r"mistilt +not given by this model\n", words)
    answer = json.loads(succeed("infer", "pattern.npy", *options, "--json"))
    assert answer["mistilt_mrad"] is answer["tilt_std_mrad"] is None


def test_evaluate(here):
    make_earlier_folder(here / "data")
    (here / "labels.csv").write_text(
        "path,material,high_tension_kV,zone_axis,convergence_mrad,thickness_min_nm,"
        "thickness_max_nm,tilt_x_mrad,tilt_y_mrad\n"
        "pattern.npy,Strontium Titanate,300,0 0 1,20,28,32,3,0\n"
    )
    words = succeed("evaluate", "labels.csv", "--output", "answers.csv")
    assert "pattern.npy" in words
    (row,) = csv.DictReader((here / "answers.csv").read_text().splitlines())
    assert row["system"] == "strontium-titanate-001-300kV-earlier7"
    assert float(row["thickness_nm"]) == pytest.approx(30, abs=5)
    assert (row["tilt_x_mrad"], row["azimuth_deg"], row["tilt_error_mrad"]) == ("", "", "")
    assert float(row["mistilt_mrad"]) > 2
    summary = json.loads(succeed("evaluate", "labels.csv", "--json"))["summary"]
    assert summary["tilt_count"] == 0


def test_systems_say_what_model_they_have(here, table):
    make_earlier_folder(here / "data")
    make_label_bundle(here / "data", table)
    lines = succeed("systems").splitlines()
    models = {line.split()[0]: line.split()[-1] for line in lines[1:]}
    assert models["3"] == "engine"
    assert models["7"] == "earlier"
    assert models["51"] == "labels"
    entries = {entry["id"]: entry for entry in json.loads(succeed("systems", "--json"))}
    assert entries[7]["model"] == "earlier"
    assert entries[7]["thickness_nm"] == [10, 60]


def test_any_ranks_fits_alone(here, table, monkeypatch):
    make_earlier_folder(here / "data")
    make_label_bundle(here / "data", table, with_table=True)
    asked = []

    class Refusing:
        """A predictor that finds no pattern."""

        def __init__(self, model):
            asked.append(model.system.id)

        def infer(self, *_):
            raise PatternError("no pattern here")

    monkeypatch.setattr("pacbed.infer.open_predictor.open_predictor", Refusing)
    assert "no pattern here" in fail("infer", "pattern.npy", "-s", "any", "--convergence", 20)
    assert asked == [0, 1, 2, 3, 51]


def test_pattern_needs_a_table(here):
    make_earlier_folder(here / "data")
    options = ("--thickness", 30, "--convergence", 20, "-o", "out.npy")
    assert "no table to simulate" in fail("pattern", "--system", 7, *options)


def test_convert(here, table):
    make_earlier_folder(here / "data", ".h5")
    before = json.loads(succeed("infer", "pattern.npy", "-s", 7, "--convergence", 20, "--json"))
    words = succeed("convert", "data")
    assert "Small_Thickness.h5 to ONNX" in words
    assert (model_folder(here / "data") / "Small_Thickness.h5").exists()
    # Neither Keras nor PyTorch is needed from now on.
    command = "from pacbed.cli import main; main()"
    code = f"{PRELUDE}\nsys.argv = ['pacbed', 'infer', 'pattern.npy', '-s', '7', '--convergence', "
    result = subprocess.run(
        [sys.executable, "-c", f"{code}'20', '--json']\n{command}"],
        check=True,
        capture_output=True,
        text=True,
        cwd=here,
    )
    after = json.loads(result.stdout)
    for name in ("thickness_nm", "mistilt_mrad", "scale", "thickness_std_nm"):
        assert after[name] == pytest.approx(before[name], rel=1e-3)
    assert after["provenance"]["networks"]["Thickness"] == "Small_Thickness.onnx"
    assert after["provenance"]["model"] == "earlier"
    assert "is a bundle already" in fail("convert", model_folder(here / "data"))


def test_convert_refuses(here):
    assert "is not a folder" in fail("convert", "nowhere")
    (here / "empty").mkdir()
    assert "has a Register.csv" in fail("convert", "empty")
    data = make_earlier_folder(here / "data", ".tflite")
    assert "no .h5 model" in fail("convert", data)
    assert "Thickness in its name (.h5)" in fail("convert", model_folder(data))
