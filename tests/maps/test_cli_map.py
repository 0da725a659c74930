"""``pacbed map`` and ``pacbed wedge``, as a user types them."""

import json
from contextlib import contextmanager

import numpy as np
import pytest

import pacbed.maps.mapping
from pacbed.maps.blocks import Block
from pacbed.maps.output import load_map
from pacbed.scans.files import open_scan
from tests.cli_tools import SYSTEM as SMALL
from tests.cli_tools import fail, run, succeed
from tests.maps.test_infer_map import same
from tests.table_tools import NAME, register_table, stepped_scan

SYSTEM = ("--system", "sto-001-300kV", "--convergence", "20")
#: As the map that was inferred in this process: what patterns it needs is there already.
LIKE_EAGER = ("--window", "4", "--samples", "4", "--workers", "1", "--step", "0.1")
FEWEST = ("--window", "4", "--samples", "1", "--workers", "1", "--no-refine")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, simulated):
    folder = tmp_path_factory.mktemp("map")
    np.save(folder / "scan.npy", simulated.counts)
    return folder


@pytest.fixture(scope="module")
def straight(folder):
    """What is said of a map without fits, in a file beside the scan."""
    words = ("map", folder / "scan.npy", *SYSTEM, *FEWEST, "--json")
    return json.loads(succeed(*words, "-o", folder / "straight.npz"))


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


def test_a_map_with_picture_and_table(here, simulated, eager):
    words = succeed("map", "scan.npy", *SYSTEM, *LIKE_EAGER, "-o", "whole.npz")
    assert "3 x 4 of 4 x 4 positions" in words
    assert "12 ok" in words
    found = load_map(here / "whole.npz")
    assert np.abs(found.thickness_nm - simulated.thickness_nm).max() < 1.5
    assert same(found, eager)
    assert (here / "whole.png").read_bytes().startswith(b"\x89PNG")
    assert len((here / "whole.csv").read_text().splitlines()) == 13
    assert not list(here.glob(".*work"))


def test_a_stopped_map_goes_on_and_is_the_same(here, straight, monkeypatch):
    words = ("map", "scan.npy", *SYSTEM, *FEWEST, "-o")
    kept = []
    solve = pacbed.maps.mapping.here

    @contextmanager
    def stop(job):
        with solve(job) as run_pieces:
            yield lambda pieces: stopping(run_pieces, pieces)

    def stopping(run_pieces, pieces):
        for answer in run_pieces(pieces):
            yield answer
            if isinstance(pieces[0], Block):
                kept.append(answer[0])
                raise KeyboardInterrupt

    monkeypatch.setattr("pacbed.maps.processes.here", stop)
    stopped = run(*words, "stopped.npz")
    assert stopped.exit_code == 130
    assert "--resume goes on" in stopped.stderr
    assert not (here / "stopped.npz").exists()
    monkeypatch.undo()
    monkeypatch.chdir(here)
    asked = []

    @contextmanager
    def watch(job):
        with solve(job) as run_pieces:
            yield lambda pieces: asked.extend(pieces) or run_pieces(pieces)

    monkeypatch.setattr("pacbed.maps.processes.here", watch)
    succeed(*words, "stopped.npz", "--resume")
    assert kept == [0]
    # The geometry is known already.
    assert sorted(row for block in asked for row in range(block.first, block.end)) == [1, 2]
    assert same(load_map(here / "stopped.npz"), load_map(here / "straight.npz"))


def test_json(straight):
    assert straight["system"] == "sto-001-300kV"
    assert straight["settings"]["refine"] is False


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("scan.npy", *SYSTEM, "-o", "m.npz"), "--window N, or --step NM"),
        (("scan.npy", *SYSTEM, "--window", "20", "-o", "m.npz"), "larger than the scan"),
        (("scan.npy", *SYSTEM, "--window", "2,3,4", "-o", "m.npz"), "one number or two"),
        (("scan.npy", *SYSTEM, "--window", "1.5", "-o", "m.npz"), "whole numbers"),
        (("scan.npy", *SYSTEM, "--region", "0,4", "-o", "m.npz"), "four numbers"),
        (("scan.npy", *SYSTEM, "--mask", "scan.npy", "-o", "m.npz", "--window", "4"), "mask"),
        (("scan.npy", *SYSTEM, "--window", "4", "-o", "m.txt"), "end the name in"),
        (("scan.npy", *SYSTEM, "--window", "4", "-o", "no/m.npz"), "no folder"),
        (("none.npy", *SYSTEM, "--window", "4", "-o", "m.npz"), "no such file"),
        (("scan.npy", *SYSTEM, *FEWEST, "--scheduler", "tcp://a:1", "-o", "m.npz"), "exclude"),
        (("scan.npy", *SYSTEM, "--scan-shape", "5,5", "-o", "m.npz"), "leave out --scan-shape"),
    ],
)
def test_bad_input_is_one_line(here, words, message):
    assert message in fail("map", *words)


def test_a_scheduler_that_is_not_there_is_one_line(here, monkeypatch):
    monkeypatch.setattr("pacbed.cluster._PATIENCE", 1)
    words = ("map", "scan.npy", *SYSTEM, "--window", "4", "-o", "m.npz")
    assert "no Dask scheduler answers" in fail(*words, "--scheduler", "tcp://127.0.0.1:9")


def test_a_wedge_to_try_with(here):
    options = ("--size", 6, "--detector", 48, "--mrad-per-pixel", 1.2, "--thickness", "20,23")
    words = succeed("wedge", *options, "--mistilt", 0.5, "-o", "wedge.hspy")
    assert "pacbed map wedge.hspy" in words
    scan = open_scan(here / "wedge.hspy")
    assert scan.shape == (6, 6, 48, 48)
    assert scan.convergence_mrad == 20
    with np.load(here / "wedge-truth.npz") as file:
        truth = dict(file)
    assert truth["thickness_nm"].min() >= 20
    assert truth["thickness_nm"].max() <= 23.01
    mean = scan.read(0, 6).sum(axis=(2, 3)).mean()
    assert 3500 < mean <= 5000


def test_a_system_without_networks(here, small_table):
    register_table(here / "data", SMALL, small_table)
    np.save("small.npy", stepped_scan(small_table, (12.0, 25.0), 12.0))
    asked = ("--system", NAME, "--data", "data", "--convergence", "12", "--window", "2")
    words = succeed("map", "small.npy", *asked, *FEWEST[2:], "-o", "alone.npz")
    assert "6 ok" in words
    found = load_map(here / "alone.npz")
    assert np.abs(found.thickness_nm - [12, 12, 25]).max() < 1.5
    assert found.provenance["bundle_sha256"].keys() == {"lacbed.npz"}
