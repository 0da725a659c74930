"""Options declared as dataclasses reach Typer as if they were parameters."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from pacbed.commands.declared import declared


@dataclass(frozen=True)
class Size:
    rows: Annotated[int, typer.Option(help="Rows.", min=1)] = 2
    name: Annotated[str | None, typer.Option("--called")] = None


@pytest.fixture
def app():
    seen = []
    application = typer.Typer()

    @application.command()
    @declared
    def command(*, file: Annotated[str, typer.Argument()], size: Size, loud: bool = False) -> None:
        """Say what came in."""
        seen.append((file, size, loud))

    return application, seen


def test_fields_are_options(app):
    application, seen = app
    result = CliRunner().invoke(application, ["a.npy", "--rows", "3", "--called", "x", "--loud"])
    assert result.exit_code == 0, result.output
    assert seen == [("a.npy", Size(3, "x"), True)]


def test_defaults_and_bounds_are_those_of_the_fields(app):
    application, seen = app
    assert CliRunner().invoke(application, ["a.npy"]).exit_code == 0
    assert seen == [("a.npy", Size(), False)]
    assert CliRunner().invoke(application, ["a.npy", "--rows", "0"]).exit_code == 2


def test_one_name_twice_is_refused():
    def command(*, size: Size, rows: int = 1) -> None: ...

    with pytest.raises(TypeError, match="two options have one name"):
        declared(command)
