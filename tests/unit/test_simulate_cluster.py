"""Tables and patterns made on a Dask cluster: the same as here, also where a worker is lost."""

import os
import signal
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pacbed.cluster import local_cluster, run_on_cluster
from pacbed.crystal.projection import project
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.options import TableOptions
from pacbed.lacbed.table import LacbedTable
from pacbed.library.tables.pattern_files import write_patterns
from pacbed.library.tables.pattern_grid import PatternGrid, Steps
from tests.cli_tools import RECIPE, SYSTEM, fail, succeed
from tests.crystals import strontium_titanate

#: A killed process leaves its sockets and pipes to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("recipe.toml").write_text(RECIPE, encoding="utf-8")
    return "recipe.toml"


def test_a_killed_worker_changes_nothing(small_table, tmp_path):
    cell = project(strontium_titanate(), (0, 0, 1))
    # Unrounded, so that the last bits show; more than one batch of directions.
    options = TableOptions(
        direction_step_mrad=0.4, thickness_step_nm=2.0, slice_angstrom=3.0, g_max=2.0, quantum=0.0
    )
    grid = PatternGrid(
        Steps(10, 30, 10), Steps(0, 2, 2), Steps(0, 45, 45), Steps(10, 10, 0), size=32, field=1.75
    )
    told = []
    with local_cluster(1) as client:

        def killing(task, items):
            for number, result in enumerate(run_on_cluster(client, task, items)):
                if number == 0:
                    [pid] = client.run(os.getpid).values()
                    os.kill(pid, signal.SIGKILL)
                yield result

        conditions = (cell, 200.0, 10.0, 2.0, 12.0, options)
        spread = simulate_table(*conditions, progress=told.append, spread=killing)
        (tmp_path / "spread").mkdir()
        made = write_patterns(
            tmp_path / "spread", small_table, SYSTEM, grid, spread=partial(run_on_cluster, client)
        )
    here = simulate_table(*conditions)
    assert len(told) > 2
    assert told == sorted(told)
    assert (told[0] < 0.5, told[-1]) == (True, 1)
    for one, other in zip(here.coefficients, spread.coefficients, strict=True):
        assert np.array_equal(one, other)
    for one, other in zip(here.bases, spread.bases, strict=True):
        assert np.array_equal(one, other)

    assert write_patterns(tmp_path / "here", small_table, SYSTEM, grid) == made == 9
    names = sorted(p.relative_to(tmp_path / "here") for p in (tmp_path / "here").rglob("*.*"))
    assert len(names) == 11
    for name in names:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "spread" / name).read_bytes()


def test_the_command_on_a_local_cluster(recipe):
    words = succeed(
        "simulate", recipe, "--data", "data", "--images", "--thickness", "5:10:5", "--mistilt", "0",
        "--convergence", "10", "--size", "32", "--local-cluster", "1",
    )  # fmt: skip
    assert "2 in simulation/df.csv, 2 of them made now" in words
    succeed("simulate", recipe, "-o", "here.npz")
    spread, here = (
        LacbedTable.load(Path("data/42/simulation/lacbed.npz")),
        LacbedTable.load(Path("here.npz")),
    )
    for one, other in zip(here.coefficients, spread.coefficients, strict=True):
        assert np.array_equal(one, other)


def test_what_a_task_refuses_is_raised_here():
    with local_cluster(1) as client, pytest.raises(ZeroDivisionError):
        list(run_on_cluster(client, partial(divmod, 1), [0]))


def test_where_it_cannot_run_is_one_line(recipe, monkeypatch):
    monkeypatch.setattr("pacbed.cluster._PATIENCE", 1)
    there = ("--scheduler", "tcp://127.0.0.1:9")
    assert "exclude each other" in fail("simulate", recipe, *there, "--local-cluster", "2")
    assert "no Dask scheduler answers there" in fail("simulate", recipe, *there)
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "pip install 'pacbed-cnn[dask]'" in fail("simulate", recipe, *there)
    assert not Path("recipe.npz").exists()
