"""Maps on a Dask cluster: the same as here, also where a worker is lost."""

import os
import signal

import numpy as np
import pytest

from pacbed.cluster import local_cluster
from pacbed.maps.blocks import BlockTask
from pacbed.maps.cluster import spread_over_cluster
from pacbed.maps.layers import join_layers
from pacbed.maps.options import make_grid
from pacbed.scans.files import open_scan
from tests.maps.conftest import OPTIONS


# A killed process leaves its sockets and pipes to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_killed_worker_costs_no_data(networks_alone, simulated, bundle, tmp_path):
    """Without fits: that these are the same elsewhere, the processes' test says."""
    np.save(tmp_path / "scan.npy", simulated.counts)
    scan = open_scan(tmp_path / "scan.npy")
    grid, _ = make_grid(scan, bundle, OPTIONS)
    task = BlockTask(scan, grid, bundle, networks_alone.geometry, False)
    with local_cluster(1) as client:
        found = {}
        for row, layers in spread_over_cluster(client)(task, [(0, 1), (1, 2), (2, 3)]):
            if not found:
                [pid] = client.run(os.getpid).values()
                os.kill(pid, signal.SIGKILL)
            found[row] = layers
    together = join_layers(found[row] for row in range(3))
    for name, values in networks_alone.alternatives.items():
        equal_nan = values.dtype.kind == "f"
        assert np.array_equal(values, together[name], equal_nan=equal_nan), name
