"""How a table is put together: neighbourhoods, threads, compression as it comes."""

import threading
import time

import numpy as np
import pytest

from pacbed.crystal.projection import project
from pacbed.lacbed.bloch import beam_intensities, beams_within
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.compress import Coefficients, Sample, reduce_entries
from pacbed.lacbed.options import TableOptions
from pacbed.lacbed.tiles import make_tiles
from pacbed.lacbed.workers import run_in_threads
from tests.crystals import gallium_nitride, strontium_titanate


@pytest.mark.parametrize(("width", "most"), [(3.0, 1000), (1.0, 1000), (50.0, 7), (0.2, 1)])
def test_neighbourhoods_hold_every_direction_once(width, most):
    points = np.random.default_rng(1).normal(0, 8, (500, 2))
    tiles = make_tiles(points, width, most)
    assert sorted(np.concatenate(tiles).tolist()) == list(range(500))
    for rows in tiles:
        assert len(rows) <= most
        assert (np.ptp(points[rows], axis=0) <= width + 1e-9).all()


def oscillations(periods, count=60):
    t = np.linspace(0, 1, count)
    return np.stack([np.sin(np.pi * p * t) ** 2 for p in periods], axis=1).astype(np.float32)


def test_what_the_sample_did_not_show_is_kept():
    """Entries that the functions of the sample cannot carry get functions of their own."""
    quantum = 4e-3
    rng = np.random.default_rng(2)
    sample = oscillations(rng.uniform(1, 3, 200)) * 0.5
    orbits = np.repeat([0, 1], 100)
    bases = [basis for _, basis in map(Sample([(orbits, sample)], 3, quantum).basis, range(3))]
    assert len(bases[2]) == 0, "an orbit that the sample lacks has no functions yet"
    common = oscillations(rng.uniform(1, 3, 30)) * 0.5
    new = oscillations([9.0, 11.0, 14.0]) * 0.3
    values = np.concatenate([common[:, :20], new[:, :2], common[:, 20:], new[:, 2:]], axis=1)
    of = np.array([0] * 22 + [1] * 10 + [2])
    coefficients = Coefficients(bases, [22, 10, 1], quantum)
    reduced = reduce_entries(values, of, bases, quantum)
    assert [len(part.badly) for part in reduced] == [2, 0, 1]
    for part in reduced:
        coefficients.put(part, np.arange(len(part.coefficients)))
    made, found = coefficients.finished()
    assert len(made[0]) > len(bases[0])
    for orbit, (basis, rows) in enumerate(zip(made, found, strict=True)):
        assert rows.dtype == np.float32
        assert rows / quantum == pytest.approx(np.round(rows / quantum), abs=1e-3)
        assert rows @ basis == pytest.approx(values[:, of == orbit].T, abs=3 * quantum)


def test_nothing_is_rounded_without_a_quantum():
    values = oscillations(np.random.default_rng(3).uniform(0, 20, 150))
    _, basis = Sample([(np.zeros(150, int), values)], 1, 0.0).basis(0)
    coefficients = Coefficients([basis], [150], 0.0)
    (part,) = reduce_entries(values, np.zeros(150, int), [basis], 0.0)
    coefficients.put(part, np.arange(150))
    (made,), (found,) = coefficients.finished()
    assert np.abs((found @ made).T - values).max() < 2e-5


@pytest.mark.parametrize(
    ("make", "zone"), [(strontium_titanate, (0, 0, 1)), (gallium_nitride, (1, 1, 0))]
)
def test_a_table_is_its_twin(make, zone):
    """Entries of directions all over the table, through all of its compression."""
    cell = project(make(), zone)
    options = TableOptions(direction_step_mrad=1.0, thickness_step_nm=1.0, quantum=2e-3)
    table = simulate_table(cell, 200.0, 10.0, 3.0, 40.0, options)
    geometry, found = table.geometry, table.entries(37.0)
    beams = beams_within(cell, 3.3)
    number = {tuple(beam): n for n, beam in enumerate(beams.tolist())}
    rng = np.random.default_rng(0)
    for row in rng.choice(len(geometry.grid.wedge), 4, replace=False):
        direction = geometry.grid.wedge[row] @ geometry.fine_lattice_mrad * 1e-3
        twin = beam_intensities(
            cell, beams, direction / geometry.wavelength, 200.0, np.array([370.0])
        )[0]
        stored = np.flatnonzero(geometry.recorded[row])
        expected = twin[[number[tuple(beam)] for beam in geometry.beams[stored].tolist()]]
        assert found[geometry.entry_of[row, stored]] == pytest.approx(expected, abs=3e-3)


def left_threads():
    return [t for t in threading.enumerate() if t.name.startswith("pacbed-table")]


def test_progress_rises_and_ends_at_one():
    told = []
    cell = project(strontium_titanate(), (0, 0, 1))
    options = TableOptions(direction_step_mrad=0.4, thickness_step_nm=1.0)
    simulate_table(cell, 200.0, 12.0, 3.0, 30.0, options, progress=told.append)
    assert len(set(told)) > 2
    assert told == sorted(told)
    assert told[-1] == 1


def test_what_progress_raises_ends_the_work():
    """Of minutes of work, at once, and no thread goes on."""

    class StopError(Exception):
        pass

    def stop(share):
        raise StopError

    cell = project(gallium_nitride(), (1, 1, 0))
    options = TableOptions(direction_step_mrad=0.2, thickness_step_nm=0.25)
    started = time.process_time()
    with pytest.raises(StopError):
        simulate_table(cell, 200.0, 20.0, 8.0, 100.0, options, progress=stop)
    assert time.process_time() - started < 20
    assert not left_threads()


def test_work_in_threads_tells_and_raises():
    told = []

    def slow(item, tick):
        for _ in range(20):
            time.sleep(0.03)
            tick()
        return item * item

    found = sorted(run_in_threads(slow, range(3), told.append, 2))
    assert found == [0, 1, 4]
    # The first piece takes longer than the longest time between two words.
    assert told[0] == 0
    assert told[-1] == 3

    def failing(item, tick):
        if item == 2:
            raise ZeroDivisionError
        return slow(item, tick)

    with pytest.raises(ZeroDivisionError):
        list(run_in_threads(failing, range(50), told.append, 2))
    assert not left_threads()
