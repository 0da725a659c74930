"""``pacbed infer --figure`` and ``--methods``: what a paper shows and says of answers."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.infer.answers import Answer
from pacbed.commands.options import check_output
from pacbed.errors import FileFormatError, OutOfRangeError

if TYPE_CHECKING:
    from pacbed.answer.report.paper import PaperStyle

_PANEL = "For a paper"
#: Half of what the figure shows, in semi-angles: less than the simulated field, which is round.
_FIELD = 1.5
_FIGURES, _TEXTS = (".pdf", ".svg"), (".txt", ".md")


@dataclass(frozen=True)
class PaperOptions:
    """What a paper needs beside the answer; each field is an option."""

    figure: Annotated[
        Path | None,
        typer.Option(
            help="Figure to write, as vectors: the measured pattern beside the simulated one, with"
            " a scale bar; with several files, the name of each is inserted.",
            metavar="PDF|SVG",
            rich_help_panel=_PANEL,
        ),
    ] = None
    figure_width: Annotated[
        str,
        typer.Option(
            help="Of the figure: one column (85 mm), two (175 mm), or a number of mm.",
            metavar="single|double|MM",
            rich_help_panel=_PANEL,
        ),
    ] = "single"
    figure_font: Annotated[
        str,
        typer.Option(help="Font of the figure.", metavar="FAMILY", rich_help_panel=_PANEL),
    ] = "DejaVu Sans"
    figure_size: Annotated[
        float, typer.Option(help="Size of its letters.", metavar="PT", rich_help_panel=_PANEL)
    ] = 8.0
    figure_colours: Annotated[
        str,
        typer.Option(
            help="Colours of the patterns.", metavar="gray|inferno", rich_help_panel=_PANEL
        ),
    ] = "gray"
    methods: Annotated[
        Path | None,
        typer.Option(
            help="Paragraph for the methods section, ready to paste: versions, parameters, answers"
            " and references.",
            metavar="TXT",
            rich_help_panel=_PANEL,
        ),
    ] = None

    def check(self) -> None:
        """Refuse what could not be written, before anything is computed.

        Raises
        ------
        FileFormatError, OutOfRangeError
        """
        if self.figure is not None:
            check_output(self.figure, _FIGURES)
            _ = self.style
        if self.methods is not None:
            check_output(self.methods, _TEXTS)

    @property
    def style(self) -> "PaperStyle":
        """How the figure looks."""
        from pacbed.answer.report.paper import COLUMNS_MM, PaperStyle

        width = COLUMNS_MM.get(self.figure_width)
        if width is None:
            try:
                width = float(self.figure_width)
            except ValueError:
                raise OutOfRangeError(
                    f'--figure-width "{self.figure_width}": give single, double or a number of mm.'
                ) from None
        return PaperStyle(width, self.figure_font, self.figure_size, self.figure_colours)

    def write(self, answers: Sequence[Answer]) -> None:
        """Write the figures and the paragraph.

        Warns
        -----
        UserWarning
            Of an answer that must not be used: it gets no figure.
        """
        from pacbed.files import write_atomically

        if self.figure is not None:
            for answer, path in zip(answers, _paths(self.figure, answers), strict=True):
                _draw(path, answer, self.style)
        if self.methods is not None:
            from pacbed.answer.methods import methods_text

            text = methods_text(
                [(one.measurement.path.name, one.estimate, one.model) for one in answers]
            )
            write_atomically(self.methods, text.encode())


def _paths(figure: Path, answers: Sequence[Answer]) -> list[Path]:
    if len(answers) == 1:
        return [figure]
    stems = [answer.measurement.path.stem for answer in answers]
    if len(set(stems)) < len(stems):
        raise FileFormatError(
            f"{figure}: two of the files would have one figure: give them one at a time."
        )
    return [figure.with_name(f"{figure.stem}-{stem}{figure.suffix}") for stem in stems]


def _draw(path: Path, answer: Answer, style: "PaperStyle") -> None:
    from pacbed.answer.report.paper import draw_paper, save_paper
    from pacbed.answer.report.view import crop_view, simulate_view
    from pacbed.files import write_atomically

    estimate = answer.estimate
    view = crop_view(answer.measurement.data, estimate, answer.convergence_mrad, _FIELD)
    view = simulate_view(view, answer.model.table, estimate)
    try:
        figure = draw_paper(view, estimate, style)
    except OutOfRangeError as error:
        warnings.warn(f"{path}: not drawn: {error}", UserWarning, stacklevel=2)
        return
    write_atomically(path, save_paper(path, figure))
