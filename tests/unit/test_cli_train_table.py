"""``pacbed train``, ``preview`` and ``validate`` on a table of patterns."""

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pacbed.library.models.label_bundle import LabelBundle
from tests.cli_tools import RECIPE, fail, make_data_folder, run, succeed
from tests.pattern_tables import SIZE, make_table

QUICK = ("--input-size", 32, "--batch-size", 8, "--epochs", 1, "--threads", 1, "--id", 7)


@pytest.fixture(autouse=True)
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_table(Path("simulation"))


def losses(path):
    with open(path, encoding="utf-8", newline="") as file:
        return [
            [float(row[name]) for name in ("epoch", "loss", "validation_loss")]
            for row in csv.DictReader(file, delimiter=";")
        ]


@pytest.mark.slow
def test_from_a_table_to_a_validated_model(table):
    words = succeed("train", table, "-o", "model", *QUICK, "--targets", "Thickness")
    assert "gan-001-300kV" in words
    assert "3 labels" in words
    bundle = LabelBundle.load(Path("model"))
    assert bundle.system.thickness_nm == (10, 30)
    assert bundle.system.id == 7
    assert set(bundle.models) == {"Thickness"}
    assert "--resume" in fail("train", table, "-o", "model", *QUICK)
    assert "seed" in fail("train", table, "-o", "model", *QUICK, "--resume", "--seed", 5)
    assert "cannot be read" in fail("validate", "model", "--table", "none.csv")
    succeed("validate", "model", "--table", table)
    report = Path("model/validation")
    figures = json.loads((report / "validation.json").read_text(encoding="utf-8"))
    counts = np.array(figures["targets"]["Thickness"]["confusion"])
    assert counts.sum() == figures["targets"]["Thickness"]["count"] == 7
    page = (report / "validation.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page
    assert (report / "Thickness_worst.png").read_bytes().startswith(b"\x89PNG")


def test_a_killed_training_goes_on_as_if_nothing_had_happened(table, monkeypatch):
    monkeypatch.setattr("pacbed.learn.labels.train._export", lambda network, options: b"")
    options = [*map(str, QUICK), "--targets", "Thickness", "--targets", "Mistilt"]
    options[options.index("--epochs") + 1] = "4"
    line = [sys.executable, "-c", "from pacbed.cli import main; main()", "train", str(table)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.Popen([*line, "-o", "killed", *options], env=environment)
    checkpoint = Path("killed/training/Mistilt.pt")
    deadline = time.monotonic() + 240
    while not checkpoint.exists() and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not Path("killed/bundle.json").exists()
    split = Path("killed/split.csv").read_bytes()
    before = len(losses("killed/training.csv"))
    assert before < 8
    succeed("train", table, "-o", "killed", *options, "--resume")
    succeed("train", table, "-o", "whole", *options)
    assert Path("killed/split.csv").read_bytes() == split
    assert Path("whole/split.csv").read_bytes() == split
    assert np.allclose(losses("killed/training.csv"), losses("whole/training.csv"), rtol=1e-4)
    assert len(losses("killed/training.csv")) == 8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("Mistilt", "Tilt"), "no column Mistilt"),
        (lambda text: text.replace("100_0_20_1.npy", "gone.npy"), "no file ./gone.npy"),
        (lambda text: text.replace(";100;4;", ";nan;4;", 1), "Thickness is nan"),
        (lambda text: "\n".join(text.split("\n")[:2]), "has 1 row"),
        (lambda text: text.split("\n")[0], "has 0 rows"),
        (lambda text: text.replace("100;0;20", "thin;0;20", 1), '"thin" is not a number'),
    ],
    ids=["column", "file", "nan", "one row", "no rows", "number"],
)  # fmt: skip
def test_bad_tables_are_one_line_and_leave_nothing(table, change, words):
    table.write_text(change(table.read_text(encoding="utf-8")), encoding="utf-8")
    line = fail("train", table, "-o", "model", *QUICK)
    assert words in line
    assert "df.csv" in line
    assert not Path("model").exists()
    assert not (table.parent / ".pacbed_cache").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--thickness-range", 50, 60), "widen the ranges"),
        (("--thickness-range", 10, 10), "one Thickness only"),
        (("--targets", "Colour"), "Colour"),
        (("--samples", 100), "--samples is for a training from a recipe"),
        (("--pretrained", "imagenet"), "--backbone"),
        (("--transfer-from", "nothing"), "nothing"),
        (("--high-tension", 3e6), "kV"),
        (("--zone-axis", "x"), "--zone-axis"),
        (("--device", "toaster"), "toaster"),
        (("--recipe", "none.toml"), "none.toml"),
    ],
)
def test_senseless_options_are_one_line(table, arguments, words):
    assert words in fail("train", table, "-o", "model", *QUICK, *arguments)
    assert not Path("model").exists()


@pytest.mark.slow
def test_four_columns_are_enough(table):
    """As for the earlier system; what nobody said is unknown, and stands so in the bundle."""
    lines = [line.split(";")[:4] for line in table.read_text(encoding="utf-8").splitlines()]
    folder = Path("My alloy 3")
    folder.mkdir()
    table.parent.rename(folder / "simulation")
    table = folder / "simulation" / "df.csv"
    table.write_text("\n".join(";".join(line) for line in lines), encoding="utf-8")
    words = succeed("train", table, "-o", "model", *QUICK[:-2], "--targets", "Thickness")
    assert "my-alloy-3" in words
    assert "material, zone axis, high tension: --material, --zone-axis, --high-tension" in words
    stored = json.loads(Path("model/bundle.json").read_text(encoding="utf-8"))["system"]
    assert stored["name"] == "my-alloy-3"
    assert stored["material"] == "unknown"
    assert stored["zone_axis"] is stored["high_tension_kV"] is None
    bundle = LabelBundle.load(Path("model"))
    assert bundle.system.unknown == ("material", "zone axis", "high tension")
    # A number that no other system has.
    assert bundle.system.id > 3
    home = Path("data") / str(bundle.system.id) / "models"
    home.mkdir(parents=True)
    Path("model").rename(home / "model")
    assert "unknown" in succeed("systems", "--data", "data")
    answer = json.loads(
        succeed("infer", folder / "simulation" / "100_0_20_0.npy", "--system", "my-alloy-3",
                "--convergence", 20, "--data", "data", "--json")
    )  # fmt: skip
    assert answer["system"] == "my-alloy-3"


def test_what_is_said_is_known(table):
    """From columns, or from options in their place."""
    from pacbed.commands.train.options import SystemOptions
    from pacbed.commands.train.table_system import table_system
    from pacbed.library.tables.pattern_table import read_pattern_table

    read = read_pattern_table(table)
    system = table_system(read, SystemOptions(system_id=7), None)
    assert (system.name, system.zone_axis, system.high_tension_kV) == (
        "gan-001-300kV", (0, 0, 1), 300,
    )  # fmt: skip
    assert not system.unknown
    bare = dataclasses.replace(read, others={})
    system = table_system(bare, SystemOptions(high_tension=200), None)
    assert system.unknown == ("material", "zone axis")
    assert system.name.endswith("-200kV")
    volts = dataclasses.replace(read, others={"Electron_Energy": ("300000",) * len(read)})
    assert table_system(volts, SystemOptions(), None).high_tension_kV == 300


def test_an_image_of_another_size_is_named(table):
    np.save(table.parent / "200_0_20_0.npy", np.ones((SIZE, SIZE + 1)) * np.arange(SIZE + 1))
    line = fail("train", table, "-o", "model", *QUICK)
    assert "200_0_20_0.npy has 40 x 41 pixels" in line
    assert not Path("model").exists()


def test_options_of_tables_do_nothing_for_recipes(tmp_path):
    Path("recipe.toml").write_text(RECIPE, encoding="utf-8")
    assert "--epochs is for" in fail("train", "recipe.toml", "-o", "model", "--epochs", 3)
    assert "-o DIR" in fail("train", "recipe.toml")
    assert "checkpoint.pt" in fail("train", "recipe.toml", "-o", "m", "--transfer-from", tmp_path)


def test_preview_of_a_table(table):
    for target in ("Thickness", "Scale"):
        succeed("preview", table, "-o", "p.png", "--target", target, "--count", 7,
                "--input-size", 32)  # fmt: skip
        assert Path("p.png").read_bytes().startswith(b"\x89PNG")
    assert ".png" in fail("preview", table, "-o", "p.jpg")
    assert "--table" in fail("preview", table, "--table", "x.npz")


def test_preview_of_a_recipe():
    Path("recipe.toml").write_text(RECIPE, encoding="utf-8")
    succeed("preview", "recipe.toml", "-o", "p.png", "--count", 6)
    assert Path("p.png").read_bytes().startswith(b"\x89PNG")


def test_a_model_from_a_recipe_is_asked_about_patterns_made_for_it(small_table):
    make_data_folder(Path("data"), small_table)
    succeed("validate", 41, "--data", "data", "--count", 12, "-o", "report")
    figures = json.loads(Path("report/validation.json").read_text(encoding="utf-8"))
    # The networks of this bundle say 15 nm whatever they see.
    counts = np.array(figures["targets"]["Thickness"]["confusion"])
    assert counts.sum() == 12
    assert (counts.sum(axis=0) > 0).sum() == 1
    assert figures["targets"]["Thickness"]["median_absolute_error"] > 2
    assert sum(figures["status"].values()) == 12
    assert "--table" in fail("validate", 41, "--data", "data", "--table", "x.csv")


def test_models_that_cannot_be_validated(table):
    Path("empty").mkdir()
    assert "bundle.json" in fail("validate", "empty")
    assert "installed" in fail("validate", "nothing")
    Path("empty/bundle.json").write_text("{", encoding="utf-8")
    assert "bundle.json" in fail("validate", "empty")


def test_help_of_the_new_commands():
    for command in ("train", "preview", "validate"):
        assert "Example" in run(command, "--help").stdout
