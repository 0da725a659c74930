"""Work on a Dask cluster: any that has a scheduler, or workers on this machine.

A worker that is lost costs the time of its items alone: the scheduler gives them to
others. Workers need this package under the same version.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pacbed.errors import MissingExtraError, PacbedError

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")

#: How often an item is tried again where it failed.
_RETRIES = 3
#: Seconds to wait for a scheduler to answer.
_PATIENCE = 30
#: Dask has workers give memory back to the system at once, and ask for it again with the next
#: array: for what is made here that is half as much work again.
_KEEP_MEMORY = {"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None}


def run_on_cluster(
    client: "Client",
    task: Callable[[Item], Result],
    items: Sequence[Item],
    mend: str = "give the command again",
) -> Iterator[Result]:
    """Results of a task for every item, in the order in which they come.

    Parameters
    ----------
    client : distributed.Client
    task : callable
        Is sent to each worker once.
    items : sequence
    mend : str
        What the user may do where the cluster fails, for the message.

    Raises
    ------
    PacbedError
        If the workers die again and again, or lack a package; or what the task raises.
    """
    with on_cluster(client, task, mend) as run:
        yield from run(items)


@contextmanager
def on_cluster(
    client: "Client", task: Callable[[Item], Result], mend: str = "give the command again"
) -> Iterator[Callable[[Sequence[Item]], Iterator[Result]]]:
    """What runs a task for items, again and again, though it is sent to each worker once.

    Parameters and errors are those of :func:`run_on_cluster`.
    """
    # As a result of its own: it goes to each worker once, and unlike scattered data it
    # is made again where the workers that held it are lost.
    with _large_is_meant():
        sent = client.submit(_same, task, pure=False, retries=_RETRIES)

    def run(items: Sequence[Item]) -> Iterator[Result]:
        with _large_is_meant():
            futures = client.map(_apply, items, task=sent, retries=_RETRIES, pure=False)
        try:
            yield from _results(futures, mend)
        finally:
            client.cancel(futures)

    try:
        yield run
    finally:
        client.cancel([sent])


def _results(futures: list[Any], mend: str) -> Iterator[Any]:
    """Results as they come; what the cluster raises as an error of this project."""
    distributed = _distributed()
    try:
        for future in distributed.as_completed(futures):
            yield future.result()
            future.release()
    except (ImportError, RuntimeError) as error:
        # The scheduler reads the task as well; what it lacks comes as such a RuntimeError.
        if isinstance(error, RuntimeError) and "deserialization" not in str(error):
            raise
        raise PacbedError(
            f"the cluster's scheduler or workers lack a package ({_words(error)}): install there "
            "what is installed here."
        ) from error
    except (distributed.KilledWorker, CancelledError, OSError) as error:
        raise PacbedError(
            f"the cluster could not finish its work ({_words(error)}): look at the workers' logs, "
            f"and {mend}."
        ) from error


@contextmanager
def _large_is_meant() -> Iterator[None]:
    """Without Dask's advice on large arguments: what is sent is needed there, as it is."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
        yield


@contextmanager
def connect(address: str) -> Iterator["Client"]:
    """A client of a running scheduler, for as long as it is needed.

    Parameters
    ----------
    address : str
        Such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    MissingExtraError
        If Dask's distributed is not installed.
    PacbedError
        If the scheduler does not answer.
    """
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=_PATIENCE)
    except (OSError, ValueError, TimeoutError) as error:
        raise PacbedError(
            f"{address}: no Dask scheduler answers there ({_words(error)}): "
            "check address and network."
        ) from error
    try:
        yield client
    finally:
        client.close()


@contextmanager
def local_cluster(workers: int) -> Iterator["Client"]:
    """A client of a cluster of processes on this machine.

    Parameters
    ----------
    workers : int

    Raises
    ------
    MissingExtraError
        If Dask's distributed is not installed.
    """
    distributed = _distributed()
    import dask

    with (
        dask.config.set(_KEEP_MEMORY),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            # Any free port, seen by this machine alone: several clusters may run at once.
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def _same(task: Any) -> Any:
    return task


def _apply(item: Any, task: Callable[[Any], Any]) -> Any:
    return task(item)


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError(
            "work on a cluster needs Dask: pip install 'pacbed-cnn[dask]'."
        ) from error
    return distributed
