"""The example patterns say what they are, and their answers hold it."""

import csv
import shlex
from pathlib import Path

import numpy as np
import pytest

from pacbed import load_bundle, open_predictor
from pacbed.library.examples import or_shipped
from tests.cli_tools import run


def test_every_answer_holds_the_truth(repository):
    with (repository / "examples" / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    for row in rows:
        system = row["path"].split("_")[0]
        pattern = np.load(repository / "examples" / row["path"])
        found = open_predictor(load_bundle(system)).infer(pattern, float(row["convergence_mrad"]))
        low, high = found.thickness_interval95_nm
        assert found.status == "ok", system
        assert low <= float(row["thickness_min_nm"]) <= high, system
        assert (found.tilt_x_mrad, found.tilt_y_mrad) == pytest.approx(
            (float(row["tilt_x_mrad"]), float(row["tilt_y_mrad"])), abs=0.25
        ), system


def test_the_first_command_of_the_readme_answers_wherever_it_is_given(
    repository, tmp_path, monkeypatch
):
    text = (repository / "README.md").read_text(encoding="utf-8")
    block = text.split("Three commands")[1].split("\n\n")[1]
    commands = [shlex.split(line, comments=True) for line in block.splitlines()]
    assert [command[:2] for command in commands] == [
        ["pip", "install"], ["pacbed", "infer"], ["pacbed", "infer"],
    ]  # fmt: skip
    monkeypatch.chdir(tmp_path)
    answer = run(*commands[1][1:])
    assert answer.exit_code == 0, answer.output
    assert "ok: one solution stands out" in " ".join(answer.output.split())
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "mine.npy").touch()
    mine, missing = Path("examples/mine.npy"), Path("examples/none.npy")
    assert (or_shipped(mine), or_shipped(missing)) == (mine, missing)
    elsewhere = Path("other/sto-001-300kV_42nm.npy")
    assert or_shipped(elsewhere) == elsewhere
