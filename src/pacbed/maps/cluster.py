"""The pieces of a map on a Dask cluster.

Workers need the bundle and the scan's file under the same paths. Those that reach the folder
given make the patterns of the scan's tilts once for all.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pacbed.cluster import on_cluster
from pacbed.maps.spread import Job, Piece, Result, Run, Spread, apart, sharing

if TYPE_CHECKING:
    from distributed import Client


def spread_over_cluster(client: "Client", folder: Path | None = None) -> Spread:
    """Make a map on a cluster; see :mod:`pacbed.cluster` for clients.

    Parameters
    ----------
    client : distributed.Client
    folder : Path, optional
        Where workers share the patterns of the scan's tilts, some 100 MB while the map is made:
        on a file system that all reach under this path, such as that of the scan. By default
        the folder for temporary files, which workers of this machine reach. A worker that does
        not reach it makes all patterns for itself.
    """

    @contextmanager
    def spread(job: Job) -> Iterator[Run]:
        with sharing(job, folder) as sent, on_cluster(client, sent, "go on with --resume") as each:

            def run(pieces: Sequence[Piece[Result]]) -> Iterator[Result]:
                workers = sum(client.nthreads().values())
                for results in each(apart(pieces, workers)):
                    yield from results

            yield run

    return spread
