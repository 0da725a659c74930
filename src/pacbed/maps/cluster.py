"""Blocks of windows on a Dask cluster.

Workers need the bundle and the scan's file under the same paths.
"""

from typing import TYPE_CHECKING

from pacbed.cluster import run_on_cluster
from pacbed.maps.blocks import Block, BlockTask, Rows, Spread

if TYPE_CHECKING:
    from distributed import Client


def spread_over_cluster(client: "Client") -> Spread:
    """Compute blocks on a cluster; see :mod:`pacbed.cluster` for clients.

    Parameters
    ----------
    client : distributed.Client
    """

    def spread(task: BlockTask, blocks: list[Block]) -> Rows:
        for rows in run_on_cluster(client, task.light(), blocks, "go on with --resume"):
            yield from rows

    return spread
