"""Maps on a Dask cluster: the same as here, each pattern made once, also where a worker is lost."""

import os
import signal
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pacbed.cluster import local_cluster
from pacbed.maps.blocks import Block
from pacbed.maps.cluster import spread_over_cluster
from pacbed.maps.layers import join_layers
from pacbed.maps.mapping import infer_map
from pacbed.maps.options import make_grid
from pacbed.maps.sampled_fits import CenterFits, FreeFit
from pacbed.maps.spread import Job, apart, shared_predictor
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
    pieces = [Block(row, row + 1, networks_alone.geometry, False) for row in range(3)]
    job = Job(scan, grid, bundle)
    with local_cluster(1) as client, spread_over_cluster(client)(job) as run:
        found = {}
        for row, layers in run(pieces):
            if not found:
                [pid] = client.run(os.getpid).values()
                os.kill(pid, signal.SIGKILL)
            found[row] = layers
    together = join_layers(found[row] for row in range(3))
    for name, values in networks_alone.alternatives.items():
        equal_nan = values.dtype.kind == "f"
        assert np.array_equal(values, together[name], equal_nan=equal_nan), name


def test_workers_find_the_geometry_and_make_the_dictionary_once(
    eager, simulated, bundle, tmp_path, monkeypatch
):
    """Each of two workers would need nearly all of it, for the geometry and for the map."""
    # What the map's own dictionary holds is given to a worker that makes a block: it is quicker.
    held = Path(tmp_path, "held")
    write_blocks(eager.geometry, bundle, held)
    np.save(tmp_path / "scan.npy", simulated.counts)
    shared = tmp_path / "shared"
    shared.mkdir()
    # The process that asks fits nothing.
    monkeypatch.setattr(FreeFit, "_fit", None)
    monkeypatch.setattr(CenterFits, "__call__", None)
    with local_cluster(2) as client:
        client.run(note_what_is_made(), held)
        memory = client.run(os.getenv, "MALLOC_TRIM_THRESHOLD_").values()
        found = infer_map(
            open_scan(tmp_path / "scan.npy"),
            bundle,
            OPTIONS,
            spread=one_row_each(spread_over_cluster(client, shared)),
        )
        made = list(client.run(what_was_made()).values())
    everything = [block for worker in made for block in worker]
    assert len(everything) == len(set(everything)) >= 4
    assert not list(shared.iterdir()), "nothing is left behind"
    # Dask sets its own for workers, unless told otherwise.
    assert set(memory) == {os.getenv("MALLOC_TRIM_THRESHOLD_")}, "they keep it for the next array"
    assert found.geometry == eager.geometry
    for name, values in eager.alternatives.items():
        equal_nan = values.dtype.kind == "f"
        assert np.array_equal(values, found.alternatives[name], equal_nan=equal_nan), name


def write_blocks(geometry, bundle, folder):
    """Write down the blocks of patterns of a geometry that have been made here."""
    folder.mkdir()
    dictionary = shared_predictor(bundle).sharing(geometry)._tools()[0]
    for block, kept in dictionary._blocks._blocks.items():
        np.save(folder / "{}_{}.npy".format(*block), kept.patterns)


# Functions that are sent as they stand: the workers need not find this module.
def note_what_is_made():
    """A function that has a worker note every block of patterns that it makes."""

    def note(held):
        from pacbed.infer.shared.blocks import BlockMaker

        make = BlockMaker.make

        def noting(self, block):
            os.environ["MADE_BLOCKS"] += " {}_{}".format(*block)
            # So long that the others come for it meanwhile.
            time.sleep(0.1)
            file = held / "{}_{}.npy".format(*block)
            return np.load(file) if file.exists() else make(self, block)

        os.environ["MADE_BLOCKS"] = ""
        BlockMaker.make = noting

    return note


def what_was_made():
    """A function that asks a worker."""

    def ask():
        return os.environ["MADE_BLOCKS"].split()

    return ask


def one_row_each(spread):
    """The same with blocks of one row, so that a small map has some for each worker."""

    def rows(piece):
        if not isinstance(piece, Block):
            return [piece]
        return [replace(piece, first=n, end=n + 1) for n in range(piece.first, piece.end)]

    @contextmanager
    def spread_rows(job):
        with spread(job) as run:
            yield lambda pieces: run([row for piece in pieces for row in rows(piece)])

    return spread_rows


def test_workers_begin_in_different_parts_of_the_scan():
    order = apart(range(7), 3)
    assert sorted(order) == list(range(7))
    assert order[:3] == [0, 3, 6]
    assert apart([], 4) == []
