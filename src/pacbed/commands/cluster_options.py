"""The options that put work on a Dask cluster, with the same words everywhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.errors import OutOfRangeError

if TYPE_CHECKING:
    from distributed import Client

SchedulerOption = Annotated[
    str | None,
    typer.Option(
        help="Compute on a Dask cluster instead: address of its scheduler.",
        metavar="ADDRESS",
    ),
]
LocalClusterOption = Annotated[
    int | None,
    typer.Option(
        "--local-cluster",
        help="Compute on a Dask cluster of so many processes on this machine.",
        min=1,
        metavar="N",
    ),
]


def check_one(**given: object) -> None:
    """Refuse more than one of the options that say where work is done.

    Raises
    ------
    OutOfRangeError
        If several are given.
    """
    if sum(value is not None for value in given.values()) > 1:
        *names, last = [f"--{name.replace('_', '-')}" for name in given]
        raise OutOfRangeError(f"{', '.join(names)} and {last} exclude each other: give one.")


@contextmanager
def open_cluster(scheduler: str | None, local: int | None) -> "Iterator[Client | None]":
    """A client of the cluster that is asked for, None where none is.

    Raises
    ------
    MissingExtraError
        If Dask's distributed is not installed.
    PacbedError
        If no scheduler answers.
    """
    from pacbed import cluster

    if scheduler is not None:
        with cluster.connect(scheduler) as client:
            if not client.scheduler_info()["workers"]:
                typer.echo(f"{scheduler}: waiting for a worker", err=True)
            yield client
    elif local is not None:
        with cluster.local_cluster(local) as client:
            yield client
    else:
        yield None
