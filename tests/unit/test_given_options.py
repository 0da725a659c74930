"""Options of a command line that are 0 are given."""

from pathlib import Path

import pytest

from pacbed.commands.train.options import TableOptions, given
from tests.cli_tools import RECIPE, fail
from tests.pattern_tables import make_table


@pytest.fixture(autouse=True)
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_table(Path("simulation"))


def test_zero_is_given_and_a_switch_that_is_off_is_not():
    options = TableOptions(epochs=0, validation_share=0.0, backbone="", no_rotation=True)
    assert given(options) == {
        "epochs": 0, "validation_share": 0.0, "backbone": "", "no_rotation": True
    }  # fmt: skip


@pytest.mark.parametrize(
    "option", ["--epochs", "--validation-share", "--input-size", "--batch-size", "--patience",
               "--learning-rate"],
)  # fmt: skip
def test_a_training_is_not_asked_for_zero(table, option):
    assert f"{option} 0 lies outside" in fail("train", table, "--id", 7, "-o", "m", option, 0)


def test_a_preview_is_not_asked_for_zero(table):
    assert "--input-size 0 lies outside" in fail("preview", table, "--input-size", 0)


def test_a_system_may_have_the_number_zero(table):
    # Were the number dropped, it would be asked for, before the network is looked for.
    line = fail("train", table, "--id", 0, "-o", "model", "--transfer-from", "nothing")
    assert "--id" not in line
    assert "nothing" in line


def test_an_option_of_tables_that_is_zero_is_refused_for_a_recipe():
    Path("recipe.toml").write_text(RECIPE, encoding="utf-8")
    assert "--id is for" in fail("train", "recipe.toml", "-o", "model", "--id", 0)
