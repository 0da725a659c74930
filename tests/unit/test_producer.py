"""Training patterns from other processes: the same, and gone when they are not wanted."""

import itertools
import multiprocessing

import pytest

from pacbed.learn.batches import StreamOptions
from pacbed.learn.producer import produced_batches
from pacbed.library.system import System

SYSTEM = System(
    9, "small", "Strontium titanate", "SrTiO3", (0, 0, 1), 200.0, (10, 12), (1, 30), (0, 3)
)
SMALL = StreamOptions(tilts=4, series=4, pool_groups=1)


def first_batches(table, workers, count=2):
    with produced_batches(table, SYSTEM, SMALL, 5, 8, workers) as batches:
        found = list(itertools.islice(batches, count))
        assert len(multiprocessing.active_children()) == workers
    return found


@pytest.mark.slow
def test_a_process_makes_the_same_batches_and_ends(small_table):
    here = first_batches(small_table, 0)
    there = first_batches(small_table, 1)
    for a, b in zip(here, there, strict=True):
        assert (a.frames == b.frames).all()
        assert (a.thickness_nm == b.thickness_nm).all()
        assert (a.tilt == b.tilt).all()
    assert multiprocessing.active_children() == []
