"""Blocks on a Dask cluster: any that has a scheduler, or workers on this machine.

A worker that is lost costs the time of its blocks alone: the scheduler gives them to
others. Workers need this package, the bundle and the scan's file under the same paths.
"""

from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pacbed.errors import MissingExtraError, PacbedError
from pacbed.maps.blocks import Block, BlockTask, Rows, Spread

if TYPE_CHECKING:
    from distributed import Client

#: How often a block is tried again where it failed.
_RETRIES = 3
#: Seconds to wait for a scheduler to answer.
_PATIENCE = 30


def spread_over_cluster(client: "Client") -> Spread:
    """Compute blocks on a cluster.

    Parameters
    ----------
    client : distributed.Client
    """

    def spread(task: BlockTask, blocks: list[Block]) -> Rows:
        distributed = _distributed()
        # As a result of its own: it goes to each worker once, and unlike scattered data it
        # is made again where the workers that held it are lost.
        sent = client.submit(_same, task.light(), pure=False, retries=_RETRIES)
        futures = client.map(_solve, blocks, task=sent, retries=_RETRIES, pure=False)
        try:
            for future in distributed.as_completed(futures):
                yield from future.result()
                future.release()
        except (distributed.KilledWorker, CancelledError, OSError) as error:
            raise PacbedError(
                f"the cluster could not finish a block ({' '.join(str(error).split())[:200]}): "
                "look at the workers' logs, and go on with --resume."
            ) from error
        finally:
            client.cancel(futures)

    return spread


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
            f"{address}: no Dask scheduler answers there "
            f"({' '.join(str(error).split())[:160]}): check address and network."
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
    """
    distributed = _distributed()
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def _same(task: BlockTask) -> BlockTask:
    return task


def _solve(block: Block, task: BlockTask) -> list[tuple[int, Any]]:
    return task(block)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError(
            "maps on a cluster need Dask: pip install 'pacbed-cnn[dask]'."
        ) from error
    return distributed
