"""Frozen-phonon patterns of single probe positions, and the scan that is made of them."""

from dataclasses import replace

import numpy as np
import pytest

from pacbed.crystal.structure import Crystal
from pacbed.errors import OutOfRangeError
from pacbed.reference import ReferenceOptions, simulate_reference
from pacbed.reference.frames import simulate_frames
from pacbed.scans.files import open_scan
from tests.cli_tools import RECIPE, fail, succeed

ZONE = (0, 0, 1)
OPTIONS = ReferenceOptions(
    high_tension_kV=200,
    convergence_mrad=6,
    thicknesses_nm=(0.8, 3.2),
    tilt_x_mrad=2.0,
    tilt_y_mrad=-1.0,
    configurations=0,
    sampling_A=0.15,
    max_angle_mrad=20,
    resolution_mrad=1.1,
)


@pytest.fixture(scope="module")
def crystal() -> Crystal:
    """A column in the middle of the cell's upper edge, and a lighter one off it."""
    positions = np.array([[0.5, 0.0, 0.0], [0.2, 0.4, 0.5]])
    return Crystal(np.eye(3) * 4.0, ("Sr", "O"), positions, np.ones(2), np.full(2, 0.5))


@pytest.fixture(scope="module")
def frames(crystal):
    return simulate_frames(crystal, ZONE, OPTIONS, 4, 32)


def test_their_mean_is_the_position_average(crystal, frames):
    expected = simulate_reference(crystal, ZONE, OPTIONS)
    assert frames.thicknesses_nm == pytest.approx(expected.thicknesses_nm)
    assert frames.mrad_per_pixel == pytest.approx(expected.mrad_per_pixel[1])
    assert frames.step_nm == pytest.approx(0.1)
    middle = expected.patterns.shape[1] // 2
    cut = slice(middle - 16, middle + 16)
    mean = frames.frames.mean(axis=(1, 2))
    assert mean == pytest.approx(expected.patterns[:, cut, cut], rel=1e-3, abs=1e-7)
    # Each position has a pattern of its own.
    assert frames.frames[1].std(axis=(0, 1)).max() > 0.1 * mean[1].max()


def test_the_probe_moves_along_rows_and_columns(crystal):
    straight = replace(OPTIONS, tilt_x_mrad=0.0, tilt_y_mrad=0.0)
    thin = simulate_frames(crystal, ZONE, straight, 8, 32).frames[0]
    rows, columns = np.mgrid[:32, :32] - 16
    total = thin.sum(axis=(2, 3))
    down = (thin * rows).sum(axis=(2, 3)) / total
    right = (thin * columns).sum(axis=(2, 3)) / total
    # The heavy column stands at scan row 0, column 4, and draws the electrons to itself.
    assert right[0, 3] > 0 > right[0, 5]
    assert down[7, 4] > 0 > down[1, 4]


def test_dealt_configurations_differ_from_atoms_at_rest(crystal, frames):
    moving = replace(OPTIONS, configurations=3, seed=5)
    one, again = (simulate_frames(crystal, ZONE, moving, 4, 32).frames for _ in range(2))
    assert np.array_equal(one, again)
    assert np.abs(one - frames.frames)[1].max() > 0.02 * frames.frames[1].max()


def test_what_no_scan_can_be_made_of_is_refused(crystal):
    oblong = replace(crystal, cell=np.diag([4.0, 5.0, 4.0]))
    with pytest.raises(OutOfRangeError, match="4 x 5"):
        simulate_frames(oblong, ZONE, OPTIONS, 4, 32)
    with pytest.raises(OutOfRangeError, match="interference"):
        simulate_frames(crystal, ZONE, replace(OPTIONS, convergence_mrad=15), 4, 32)


SMALL = ("--detector", 32, "--convergence", 10, "--mrad-per-pixel", 1.5, "--thickness", "1,3")


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.toml").write_text(RECIPE, encoding="utf-8")
    words = succeed("wedge", "--frozen-phonons", "r.toml", *SMALL, "--size", 24, "--mistilt", 3,
                    "-o", "w.hspy")  # fmt: skip
    assert "pacbed map w.hspy --system recipe-001-200kV --convergence 10 --window 8" in words
    scan = open_scan(tmp_path / "w.hspy")
    assert scan.shape == (16, 24, 32, 32)
    assert scan.step_nm == pytest.approx((0.0488, 0.0488), rel=1e-3)
    with np.load(tmp_path / "w-truth.npz") as file:
        truth = dict(file)
    assert np.allclose(np.unique(truth["thickness_nm"]), (1, 2, 3), atol=0.12)
    assert (np.diff(truth["thickness_nm"], axis=1) >= 0).all()
    assert np.linalg.norm(truth["tilt_mrad"][[0, 15], 0], axis=1) == pytest.approx((1.5, 3))
    assert (truth["center_px"] == 16).all()
    counts = scan.read(0, 16).sum(axis=(2, 3))
    assert 4000 < counts.mean() <= 5000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--size", 20), "multiple of 8"),
        (("--size", 80), "less than 0.4 nm apart"),
        (("--size", 16, "--electrons", 0), "--electrons"),
        (("--size", 16, "--convergence", 30), "interference"),
    ],
)
def test_a_wedge_that_cannot_be_is_one_line(tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.toml").write_text(RECIPE, encoding="utf-8")
    line = fail("wedge", "--frozen-phonons", "r.toml", *SMALL, *options, "-o", "w.hspy")
    assert message in line
