"""``pacbed infer`` without the fit, with any system, and beside a broken bundle."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pacbed.infer import several
from pacbed.library.installed import load_bundle
from tests.cli_tools import SYSTEM, fail, make_data_folder, make_pattern, run, ship_only, succeed
from tests.label_tools import make_label_bundle

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


def test_networks_alone(here):
    words = succeed("infer", "pattern.npy", *OPTIONS, "--no-refine")
    assert "residual" not in words
    assert "the networks alone" in words
    answer = json.loads(succeed("infer", "pattern.npy", *OPTIONS, "--no-refine", "--json"))
    assert answer["residual"] is None
    assert answer["provenance"]["method"] == "network"
    assert "ranking" not in answer


def test_any_system(here, monkeypatch, tmp_path_factory):
    """The pattern is the test's own; a shipped system covers 12 mrad too."""
    ship_only(monkeypatch, tmp_path_factory.mktemp("shipped"), "sto-001-300kV")
    answered, ask = [], several.ask_several

    def ask_once(*asked):
        """Numbers and words are of the same answers."""
        answered.extend([] if answered else [ask(*asked)])
        return answered[0]

    monkeypatch.setattr(several, "ask_several", ask_once)
    options = ("--system", "any", "--convergence", 12, "--mrad-per-pixel", 0.3)
    answer = json.loads(succeed("infer", "pattern.npy", *options, "--json"))
    assert answer["ranking"][0]["system"] == answer["system"] == SYSTEM.name
    assert {entry["system"] for entry in answer["ranking"]} >= {SYSTEM.name, "sto-001-300kV"}
    residuals = [entry["structured_residual"] for entry in answer["ranking"]]
    assert residuals[0] < 0.1
    words = succeed("infer", "pattern.npy", *options, "--report", "fit.png")
    table = words[words.index("structured/%") :].splitlines()[1:]
    assert table[0].split()[:2] == [SYSTEM.name, "ok"]
    assert len(table) == len(answer["ranking"])
    assert Path("fit.png").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--convergence", 12, "--no-refine"), "--no-refine"),
        (("--convergence", 12, "--material", "SrTiO3"), "--material"),
        (("--convergence", 70), "covered by none"),
    ],
)
def test_any_system_refused(here, options, words):
    assert words in fail("infer", "pattern.npy", "--system", "any", *options)


@pytest.mark.filterwarnings("always::UserWarning")
def test_broken_bundle_of_another_system(here, shared):
    shutil.copytree(shared / "data", "data")
    broken = Path("data/77/models/half")
    broken.mkdir(parents=True)
    (broken / "bundle.json").write_text("{")
    result = run("infer", "pattern.npy", *OPTIONS, "--data", "data")
    assert result.exit_code == 0
    assert result.stderr.startswith("pacbed: warning: bundle left out: ")
    assert str(broken) in result.stderr
    listed = run("systems", "--data", "data").stdout
    assert SYSTEM.name in listed
    assert listed.rstrip().endswith(str(broken))
    assert str(broken) in fail("infer", "pattern.npy", "--system", 77, "--data", "data")


def test_any_system_where_none_has_a_table(here, monkeypatch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    make_label_bundle(folder, load_bundle("sto-001-300kV").table)
    monkeypatch.setattr("pacbed.library.places._SHIPPED", folder / "none")
    options = ("--system", "any", "--convergence", 20, "--data", folder)
    assert "no installed model has a table" in fail("infer", "pattern.npy", *options)
