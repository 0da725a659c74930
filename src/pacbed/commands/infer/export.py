"""``pacbed infer --export``: answers as start values of other programs."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from pacbed.commands.infer.answers import Answer
from pacbed.errors import OutOfRangeError

_PANEL = "For ptychography"


@dataclass(frozen=True)
class ExportOptions:
    """Start values for another program; each field is an option."""

    export: Annotated[
        str | None,
        typer.Option(
            help="Write thickness and tilt as start values into PATTERN-ptyrad.yml,"
            " PATTERN-phaser.yml or PATTERN-start.json here.",
            metavar="ptyrad|phaser|json",
            rich_help_panel=_PANEL,
        ),
    ] = None
    export_slice: Annotated[
        float,
        typer.Option(help="Thickness of a slice, about.", metavar="NM", rich_help_panel=_PANEL),
    ] = 1.0

    def check(self) -> None:
        """Refuse what could not be written, before anything is computed.

        Raises
        ------
        OutOfRangeError
        """
        from pacbed.answer.export import PROGRAMS

        if self.export is not None and self.export not in PROGRAMS:
            raise OutOfRangeError(f'--export "{self.export}": give one of {", ".join(PROGRAMS)}.')

    def write(self, answers: Sequence[Answer]) -> None:
        """Write a file for each answer, and say where.

        Warns
        -----
        UserWarning
            Of an answer that must not be used: it gets none.
        """
        from pacbed.answer.export import start_values
        from pacbed.files import write_atomically

        if self.export is None:
            return
        for answer in answers:
            name = answer.measurement.path
            try:
                text, ending = start_values(
                    answer.estimate, answer.model.system, self.export, self.export_slice
                )
            except OutOfRangeError as error:
                warnings.warn(f"{name}: not exported: {error}", UserWarning, stacklevel=2)
                continue
            kind = "start" if self.export == "json" else self.export
            path = Path(f"{name.stem}-{kind}{ending}")
            write_atomically(path, text.encode())
            typer.echo(f"pacbed: start values written to {path}", err=True)
