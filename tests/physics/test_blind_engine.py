"""The blind set's own engine: against the equation written down, and its bookkeeping."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("abtem")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from blind_set.collect import Collector, aperture
from blind_set.crystals import PAIRS, shortest_distance
from blind_set.engine import intensities, make_engine, wavelength
from blind_set.record import Base, Pose, draw_pose, label, record, render
from blind_set.slab import lattice, make_slab

from pacbed.crystal.cif import read_cif
from pacbed.crystal.projection import project
from pacbed.crystal.structure import Crystal
from pacbed.evaluate.truth import read_labels
from pacbed.lacbed.bloch import beam_intensities, beams_within

KV = 200.0


def test_still_atoms_follow_the_equation() -> None:
    # An oblique plane without symmetry, thin layers all alike: no higher Laue zone.
    cell = lattice((3.1, 3.9, 1.6, 90, 90, 104))
    positions = np.array([(0.1, 0.2, 0), (0.55, 0.6, 0), (0.8, 0.15, 0)])
    symbols = ("Al", "N", "O")
    slab = make_slab(cell, positions, (0, 0, 1), 4.0)
    engine = make_engine(slab, [((s,), (1.0,), 0.0) for s in symbols], KV, g_band=3.0)
    flat = project(Crystal(cell, symbols, positions, np.ones(3), np.zeros(3)), (0, 0, 1))
    beams = beams_within(flat, 3.0)
    k = np.array([[0.05, 0.13]])
    periods = [10, 40]
    expected = beam_intensities(flat, beams, k[0], KV, 1.6 * np.array(periods), absorption=False)
    own = [np.argmin(((engine.g - g) ** 2).sum(-1)) for g in beams @ flat.reciprocal]
    passed = intensities(engine, k, periods, np.random.default_rng(0), still=True)
    for (_, found), wanted in zip(passed, expected, strict=True):
        assert found.sum() == pytest.approx(1.0, abs=0.02)
        np.testing.assert_allclose(found[0].ravel()[own], wanted, atol=0.01)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_cells_are_sound(pair, tmp_path) -> None:
    crystal = read_cif(pair.write_cif(tmp_path))
    assert len(crystal.symbols) == len(pair.sites)
    assert shortest_distance(pair) > 1.55
    positions, choices = pair.positions_and_choices()
    assert all(sum(shares) == pytest.approx(1) for _, shares, _ in choices)
    slab = make_slab(lattice(pair.cell), positions, pair.zone_axis)
    assert sum(map(len, slab.layers)) == len(slab.sites)
    # The supercell's reflections contain those of the projection.
    reciprocal = project(crystal, pair.zone_axis).reciprocal
    indices = reciprocal @ (slab.plane / np.array(slab.repeats)[:, None]).T
    np.testing.assert_allclose(indices, np.round(indices), atol=1e-3)


def _flat_base() -> Base:
    """A vacuum with one weak reflection, taken through the collector."""
    points, shares = aperture(6)
    g = np.array([[0.0, 0.0], [0.613, 0.0], [0.2, 0.1]])
    collector = Collector(g, np.array([True, True, False]), 0.04, points, shares)
    for number in range(len(points)):
        collector.add(number, np.array([0.7, 0.2, 0.1]))
    disks, grid = collector.result(collector.strong)
    truth = {
        "steps": 6, "pitch_per_A": 0.04, "band_per_A": 0.9, "crystal": "GaN", "formula": "GaN",
        "high_tension_kV": KV, "zone_axis": [1, 1, 0], "thickness_nm": [10.0], "draw": 0,
        "tilt_x_mrad": 3.0, "tilt_y_mrad": 0.0, "split": "tune", "cif": "cifs/GaN.cif",
        "convergence_mrad": 1e3 * 0.24 * wavelength(KV),
    }  # fmt: skip
    return Base(truth, disks[None], grid[None], g[:2], points)


def test_collected_and_rendered_intensity_is_kept() -> None:
    base = _flat_base()
    pose = Pose(160, 20.0, 79.5, 79.5, 90.0, 1e6, 0.3, 0.0)
    image = render(base, 0, pose) * (0.24 / 20.0) ** 2
    assert image.sum() == pytest.approx(1.0, abs=0.02)
    # Turned by 90°, the reflection along x appears downwards.
    assert image[79 + round(0.613 / 0.24 * 20), 79] == pytest.approx(
        0.2 / 0.7 * image[79, 79], rel=0.1
    )


def test_labels_can_be_read(tmp_path) -> None:
    base = _flat_base()
    rng = np.random.default_rng(1)
    pose = draw_pose(rng)
    np.save(tmp_path / "a.npy", record(base, 0, pose, rng))
    row = label(base, 0, pose, "a.npy")
    structure = tmp_path / row["cif"]
    structure.parent.mkdir(exist_ok=True)
    structure.touch()
    table = tmp_path / "labels.csv"
    table.write_text(",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n")
    (entry,) = read_labels(table)
    angle = np.deg2rad(pose.rotation_deg)
    assert entry.zone_axis == (1, 1, 0)
    assert entry.tilt_x_mrad == pytest.approx(3 * np.cos(angle), abs=1e-3)
    assert entry.tilt_y_mrad == pytest.approx(3 * np.sin(angle), abs=1e-3)
