"""``pacbed watch``: patterns are inferred as they arrive in a folder."""

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pacbed.commands.declared import declared
from pacbed.commands.infer.conditions import ConditionOptions
from pacbed.commands.infer.tilting import AlphaOption, StageOption, guidance_of, stage_of
from pacbed.commands.options import check_output
from pacbed.commands.own_crystal import OwnCrystalOptions

if TYPE_CHECKING:
    from pacbed.commands.infer.answers import Answer, Asked, Asking
    from pacbed.commands.infer.tilting import Stage
    from pacbed.watch.arrivals import Arrival
    from pacbed.watch.results import Results

#: Name of the table in the folder.
_TABLE = "pacbed-answers.csv"
_LOOK_SECONDS = 1.0


@declared
def watch(
    *,
    folder: Annotated[Path, typer.Argument(help="Folder that patterns arrive in.", metavar="DIR")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=f"Table to add to; by default {_TABLE} in the folder. Files that it has are not"
            " inferred again.",
            metavar="CSV",
        ),
    ] = None,
    settle: Annotated[
        float,
        typer.Option(
            help="A file that stays as it is for so long is taken as written to its end.",
            metavar="SECONDS",
            min=0,
            max=600,
        ),
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Infer what is there, and end.")] = False,
    conditions: ConditionOptions,
    stage: StageOption = None,
    alpha: AlphaOption = None,
    own: OwnCrystalOptions,
) -> None:
    """Infer patterns as they arrive in a folder, until Ctrl-C.

    Example: [bold]pacbed watch /data/session --system sto-001-200kV --convergence 20[/bold]

    Each answer is a line on the screen and a row of the table, whose columns are those of the
    page, which opens it. A file that cannot be read has a row that says why.
    """
    from pacbed.answer.table_row import COLUMNS
    from pacbed.commands.infer.answers import Asking
    from pacbed.watch.arrivals import Arrivals
    from pacbed.watch.results import Results

    table = folder / _TABLE if output is None else output
    arrivals = Arrivals(folder, settle)
    check_output(table, (".csv",))
    stages = stage_of(stage, alpha)
    asked = conditions.asked
    counts: Counter[str] = Counter()
    with Results(table, COLUMNS) as results:
        asking = Asking(conditions.models(asked, own), asked)
        worker = _Worker(asking, asked, conditions, stages, results, counts)
        try:
            seen: set[Arrival] = set()
            while True:
                new = [arrival for arrival in arrivals.look() if arrival not in seen]
                for arrival in new:
                    worker.work(arrival)
                    seen.add(arrival)
                if once and not new and not arrivals.waiting:
                    break
                time.sleep(min(_LOOK_SECONDS, settle / 2 + 0.01) if once else _LOOK_SECONDS)
        except KeyboardInterrupt:
            typer.echo(err=True)
    said = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.items())
    typer.echo(f"{table}: {said or 'nothing new'}", err=True)


class _Worker:
    """Takes one file after the other to its row."""

    def __init__(
        self,
        asking: "Asking",
        asked: "Asked",
        conditions: ConditionOptions,
        stage: "Stage | None",
        results: "Results",
        counts: "Counter[str]",
    ) -> None:
        self._asking, self._stage = asking, stage
        self._results, self._counts = results, counts
        self._asked = {
            "asked_system": conditions.system,
            "asked_convergence_mrad": asked.convergence_mrad,
            "asked_mrad_per_pixel": asked.mrad_per_pixel,
            "asked_fit": asked.refine,
            "frame": None if asked.frame == "sum" else asked.frame,
        }

    def work(self, arrival: "Arrival") -> None:
        """Infer a file, unless the table has it; nothing that is wrong with it ends the watch."""
        from pacbed.answer.table_row import answered_row, failed_row
        from pacbed.errors import DiskFullError

        name = arrival.path.name
        try:
            digest = _digest(arrival.path)
            if (name, digest) in self._results.done:
                return
            answer = self._asking.answer(arrival.path)
        except DiskFullError:
            raise
        except Exception as error:
            problem = " ".join(str(error).split()) or type(error).__name__
            self._add(name, self._digest_again(arrival.path), failed_row(problem))
            typer.echo(f"{name}  failed: {problem}")
            return
        self._add(name, digest, answered_row(answer.estimate))
        typer.echo(self._line(name, answer))

    def _digest_again(self, path: Path) -> str:
        try:
            return _digest(path)
        except OSError:
            return ""  # it is gone, or cannot be read

    def _add(self, name: str, digest: str, row: dict[str, Any]) -> None:
        date = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._results.add({**self._asked, **row, "file": name, "file_sha256": digest, "date": date})
        self._counts[row["status"]] += 1

    def _line(self, name: str, answer: "Answer") -> str:
        from pacbed.answer.words import mistilt_words, with_error

        estimate = answer.estimate
        thickness = with_error(estimate.thickness_nm, estimate.thickness_std_nm)
        parts = [name, estimate.status.replace("_", " "), f"{thickness} nm",
                 f"mistilt {mistilt_words(estimate)}"]  # fmt: skip
        if self._stage is not None:
            metadata = answer.measurement.metadata
            parts.append(guidance_of(estimate, self._stage, metadata)["words"])
        return "  ".join(parts)


def _digest(path: Path) -> str:
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
