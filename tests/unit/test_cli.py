"""The command line as a whole, ``pacbed systems`` and ``pacbed pattern``."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

import pacbed
from pacbed.commands.group import PacbedGroup
from pacbed.errors import CrystalError
from pacbed.readers import read_pattern
from tests.cli_tools import SYSTEM, fail, make_data_folder, run, succeed

COMMANDS = (
    "infer", "systems", "pattern", "evaluate", "simulate", "train", "reference", "convert",
    "calibrate",
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory, small_table):
    return make_data_folder(tmp_path_factory.mktemp("cli") / "data", small_table)


@pytest.fixture(autouse=True)
def _working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PACBED_DATA", raising=False)


def test_help_teaches_every_command_with_an_example():
    words = succeed("--help")
    for command in COMMANDS:
        assert f"pacbed {command}" in words
        assert f"pacbed {command}" in succeed(command, "--help")
    assert run().exit_code == 2  # no command: the help, but no success


def test_version():
    assert succeed("--version") == f"pacbed {pacbed.__version__}\n"


def test_as_a_module():
    words = subprocess.check_output([sys.executable, "-m", "pacbed", "--version"], text=True)
    assert words == succeed("--version")


def test_help_imports_nothing_heavy():
    heavy = {"numpy", "scipy", "torch", "onnxruntime", "matplotlib", "rsciio", "abtem", "PIL"}
    code = f"import sys, pacbed.cli; print(sorted({heavy!r} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


def _app_that(action):
    other = typer.Typer(cls=PacbedGroup, pretty_exceptions_enable=False)
    other.command("act")(action)
    other.callback()(lambda: None)
    return CliRunner().invoke(other, ["act"])


def test_errors_and_warnings_are_single_lines():
    def act():
        warnings.simplefilter("always")
        warnings.warn("no B for\n Sr", UserWarning, stacklevel=1)
        warnings.warn("of the library", FutureWarning, stacklevel=1)
        raise CrystalError("a.cif: no atoms:\n  give another file")

    result = _app_that(act)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "pacbed: warning: no B for Sr",
        "pacbed: error: a.cif: no atoms: give another file",
    ]


def test_operating_system_errors_name_the_file():
    def act():
        Path("nowhere/file").write_text("")

    result = _app_that(act)
    assert (result.exit_code, result.stderr) == (
        2,
        "pacbed: error: nowhere/file: No such file or directory\n",
    )


def test_programming_errors_are_not_hidden():
    def act():
        raise RuntimeError("a bug")

    assert isinstance(_app_that(act).exception, RuntimeError)


def test_systems_as_table_and_json(data):
    (line,) = [row for row in succeed("systems", "--data", data).splitlines() if SYSTEM.name in row]
    assert [word for word in line.split() if word] == [
        "41", SYSTEM.name, "Strontium", "titanate", "SrTiO3", "[001]", "200",
        "10-12", "1-30", "0-3", "engine",
    ]  # fmt: skip
    entries = {
        entry["id"]: entry for entry in json.loads(succeed("systems", "--data", data, "--json"))
    }
    assert entries[41]["name"] == SYSTEM.name
    assert entries[41]["zone_axis"] == [0, 0, 1]
    assert "nowhere" in fail("systems", "--data", "nowhere")


PATTERN = ("pattern", "--system", 41, "--thickness", 15, "--convergence", 12)


def test_pattern_in_each_format(data):
    for name in ("p.npy", "p.tif", "p.png"):
        words = succeed(*PATTERN, "--tilt-x", 2, "--data", data, "-o", name, "--size", 64)
        assert "64 x 64" in words
    array = np.load("p.npy")
    assert array.shape == (64, 64)
    assert array.dtype == np.float32
    assert 0.3 < array.sum() < 1
    calibrated = read_pattern(Path("p.tif"))
    np.testing.assert_array_equal(calibrated.data, array)
    assert calibrated.metadata.mrad_per_pixel == pytest.approx(2 * 1.75 * 12 / 64, rel=0.2)
    with Image.open("p.png") as picture:
        assert picture.mode.startswith("I")
    scaled = read_pattern(Path("p.png")).data
    np.testing.assert_allclose(scaled, array / array.max() * 65535, atol=0.6)


def test_tilt_moves_the_zone_axis(data):
    succeed(*PATTERN, "--tilt-x", 2, "--data", data, "-o", "right.npy", "--size", 64)
    succeed(*PATTERN, "--tilt-y", 2, "--data", data, "-o", "down.npy", "--size", 64)
    right, down = np.load("right.npy"), np.load("down.npy")
    assert not np.allclose(right, down, atol=1e-3 * right.max())
    # The four-fold axis turns one into the other.
    np.testing.assert_allclose(np.rot90(right, -1), down, atol=0.02 * right.max())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("--thickness", 40), "40 nm"),
        (("--convergence", 13), "13"),
        (("--convergence", -1), "convergence"),
        (("--tilt-x", 9), "mistilt"),
        (("--mrad-per-pixel", 0), "mrad_per_pixel"),
        (("-o", "p.txt"), "p.txt"),
        (("-o", "nowhere/p.npy"), "nowhere"),
        (("--system", "unobtainium"), "unobtainium"),
    ],
)
def test_pattern_that_cannot_be_made(data, changes, words):
    assert words in fail(*PATTERN, "-o", "p.npy", "--data", data, *changes)
    assert not list(Path().iterdir())
