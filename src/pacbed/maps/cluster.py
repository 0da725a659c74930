"""Blocks of windows on a Dask cluster.

Workers need the bundle and the scan's file under the same paths. Those that reach the folder
given make the patterns of the scan's tilts once for all.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from pacbed.cluster import run_on_cluster
from pacbed.maps.blocks import Block, BlockTask, Rows, Spread, apart, sharing

if TYPE_CHECKING:
    from distributed import Client


def spread_over_cluster(client: "Client", folder: Path | None = None) -> Spread:
    """Compute blocks on a cluster; see :mod:`pacbed.cluster` for clients.

    Parameters
    ----------
    client : distributed.Client
    folder : Path, optional
        Where workers share the patterns of the scan's tilts, some 100 MB while the map is made:
        on a file system that all reach under this path, such as that of the scan. By default
        the folder for temporary files, which workers of this machine reach. A worker that does
        not reach it makes all patterns for itself.
    """

    def spread(task: BlockTask, blocks: list[Block]) -> Rows:
        workers = sum(client.nthreads().values())
        with sharing(task, folder) as sent:
            order = apart(blocks, workers)
            for rows in run_on_cluster(client, sent, order, "go on with --resume"):
                yield from rows

    return spread
