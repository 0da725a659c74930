"""Help is as wide as the terminal, not as its source."""

import itertools

import pytest
from typer.testing import CliRunner

from pacbed.cli import app
from pacbed.commands.group import flowing


def test_paragraphs_flow_and_examples_stand_by_themselves():
    text = """First line.

    A sentence that
    goes on, by:
    pacbed infer a.tif
    --convergence 20
    """
    assert flowing(text) == (
        "First line.\n\nA sentence that goes on, by:\n\n    pacbed infer a.tif --convergence 20"
    )
    assert flowing(flowing(text)) == flowing(text)


@pytest.mark.parametrize("command", [["add"], ["infer"], ["stage", "calibrate"]])
def test_no_line_of_the_help_is_broken_twice(command):
    """A docstring's own breaks beside the terminal's left single words on a line."""
    shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "80"}).output
    lines = [line.strip() for line in shown.split("\u256d")[0].split("\n")]
    assert len(lines) > 5
    for line, after in itertools.pairwise(lines):
        if line and after:
            # The next line's first word had no room on this one.
            assert len(line) + 1 + len(after.split(" ")[0]) > 74
