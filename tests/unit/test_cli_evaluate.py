"""``pacbed evaluate``: errors against labels, in words, JSON and a table."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli_tools import SYSTEM, fail, make_data_folder, make_pattern, succeed

HEADER = (
    "path,material,high_tension_kV,zone_axis,convergence_mrad,"
    "thickness_min_nm,thickness_max_nm,tilt_x_mrad,tilt_y_mrad,mrad_per_pixel"
)
LINES = (
    "pattern.npy,Strontium titanate,200,0 0 1,12,14,16,1.2,-0.6,0.3",
    "pattern.npy,SrTiO3,200,0 0 1,12,10,12,1.2,-0.2,0.3",
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, small_table):
    folder = tmp_path_factory.mktemp("cli")
    np.save(folder / "pattern.npy", make_pattern(small_table))
    make_data_folder(folder / "data", small_table)
    return folder


@pytest.fixture
def evaluate(shared, tmp_path, monkeypatch):
    """Arguments for a table of labels, which lies beside the pattern."""
    monkeypatch.chdir(tmp_path)

    def arguments(*lines, header=HEADER):
        table = shared / "labels.csv"
        table.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return ("evaluate", table, "--data", shared / "data")

    return arguments


def test_words(evaluate):
    words = succeed(*evaluate(*LINES))
    first, second = [line.split() for line in words.splitlines() if line.startswith("pattern.npy")]
    assert first[:2] == ["pattern.npy", "14-16"]
    assert second[:2] == ["pattern.npy", "10-12"]
    assert [float(line[2]) for line in (first, second)] == pytest.approx([15, 15], abs=0.3)
    assert [float(line[3]) for line in (first, second)] == pytest.approx([0, 3], abs=0.3)
    assert "patterns         2" in words
    assert "50 % within 1 nm, 50 % within 2 nm, 100 % within 5 nm" in words
    assert "(2 labelled)" in words


def test_words_hold_residual_and_status(evaluate):
    words = succeed(*evaluate(LINES[0]))
    header, line = words.splitlines()[:2]
    assert header.split()[-2:] == ["residual/%", "status"]
    residual, status = line.split()[-2:]
    assert 0 <= float(residual) < 5
    assert status == "ok"
    assert "1 ok" in words
    line = succeed(*evaluate(LINES[0]), "--no-refine").splitlines()[1]
    assert len(line.split()) == 7


def test_json(evaluate):
    result = json.loads(succeed(*evaluate(*LINES), "--json"))
    first, second = result["patterns"]
    assert first["path"] == "pattern.npy"
    assert (first["error_nm"], second["error_nm"]) == pytest.approx((0, 3), abs=0.3)
    assert (first["tilt_error_mrad"], second["tilt_error_mrad"]) == pytest.approx(
        (0, 0.4), abs=0.08
    )
    assert first["system"] == SYSTEM.name
    assert first["mrad_per_pixel"] == pytest.approx(0.3, rel=5e-3)
    assert 0 <= first["residual"] <= 1
    assert result["summary"]["count"] == 2
    assert result["summary"]["max_error_nm"] == pytest.approx(3, abs=0.3)


def test_table(evaluate):
    succeed(*evaluate(*LINES), "--output", "answers.csv")
    with open("answers.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == ["pattern.npy"] * 2
    assert float(rows[1]["error_nm"]) == pytest.approx(3, abs=0.3)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "no patterns"),
        ((LINES[0].replace("pattern", "other"),), 'line 2: there is no file "other.npy"'),
        ((LINES[0].replace("200", "x"),), 'line 2: high_tension_kV is "x"'),
        ((LINES[0], LINES[1].replace("SrTiO3", "Si")), "line 3: "),
        ((LINES[0], LINES[1].replace("0 0 1", "1 1 0")), "line 3: "),
        ((LINES[0], LINES[1].replace(",12,10", ",13,10")), "line 3: "),
        ((LINES[0], LINES[1].replace("pattern.npy", "labels.csv")), "line 3: "),
    ],
)
def test_bad_tables(evaluate, shared, lines, words):
    line = fail(*evaluate(*lines), "--output", "answers.csv")
    assert words in line
    assert str(shared / "labels.csv") in line
    assert not Path("answers.csv").exists()


def test_missing_column_and_output(evaluate):
    assert "column zone_axis" in fail(*evaluate(*LINES, header=HEADER.replace("zone_", "zon_")))
    assert "answers.txt" in fail(*evaluate(*LINES), "--output", "answers.txt")
    assert "none.csv" in fail("evaluate", "none.csv")
