"""The progress of a long step: a bar on a terminal, lines in a file."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

#: Seconds until the first line, and between two; in a long step they become rarer, so that a
#: night's log stays short.
_FIRST_SECONDS, _SECONDS, _SHARE_OF_ELAPSED = 3.0, 10.0, 0.05


class Bar(Protocol):
    """The progress of one step."""

    def update(self, done: float, words: str | None = None) -> None:
        """Set how much is done, and optionally say what comes next."""


@contextmanager
def progress_bar(words: str, total: float = 1.0) -> Iterator[Bar]:
    """Show the progress of a long step on stderr, and the time that is left.

    On a terminal that is a bar, gone when the step is done; else a line now and then.

    Parameters
    ----------
    words : str
        What is being done.
    total : float
        Value of :meth:`Bar.update` at which the step is finished.
    """
    # Here, so that commands without a bar do not wait for it.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    # On stderr, so that the standard output holds the answer alone; and gone when done, so
    # that an error stands alone as well.
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(words, total)
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as progress:
        yield _OnTerminal(progress, progress.add_task(words, total=total))


class _OnTerminal:
    """A bar that moves."""

    def __init__(self, progress: "Progress", task: Any) -> None:
        self._progress = progress
        self._task = task

    def update(self, done: float, words: str | None = None) -> None:
        """See :class:`Bar`."""
        self._progress.update(self._task, completed=done)
        if words is not None:
            self._progress.update(self._task, description=words)


class Lines:
    """A line now and then, for what is read later or by a program.

    Parameters
    ----------
    words : str
        What is being done.
    total : float
        Value at which the step is finished.
    clock : callable
        Seconds.
    """

    def __init__(
        self, words: str, total: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._words, self._total, self._clock = words, total, clock
        self._started = clock()
        self._next = _FIRST_SECONDS

    def update(self, done: float, words: str | None = None) -> None:
        """See :class:`Bar`."""
        if words is not None:
            self._words = words
        elapsed = self._clock() - self._started
        if elapsed < self._next or done >= self._total:
            return
        self._next = elapsed + max(_SECONDS, _SHARE_OF_ELAPSED * elapsed)
        share = max(0.0, done / self._total) if self._total > 0 else 0.0
        line = f"{self._words}: {100 * share:.0f} %"
        if share > 0:
            line += f", about {_duration(elapsed * (1 - share) / share)} left"
        typer.echo(line, err=True)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
