"""Tilts along the scan's axes: the convention, what files say, and where it is written."""

import csv
import dataclasses
import io
import json

import h5py
import numpy as np
import pytest
from scipy import ndimage

from pacbed.commands.map.options import WindowOptions
from pacbed.errors import OutOfRangeError
from pacbed.maps.fields import IN_SCAN
from pacbed.maps.mapping import infer_map
from pacbed.maps.options import MapOptions
from pacbed.maps.output import load_map, save_map, to_signal
from pacbed.maps.picture import draw_map
from pacbed.maps.table import map_table
from pacbed.scans.files import open_scan
from pacbed.scans.orientation import ScanOrientation, read_orientation
from pacbed.scans.scan import Scan
from tests.array_files import py4dstem
from tests.maps.conftest import GEOMETRY_ALONE, OPTIONS, Known


def test_vectors_are_mirrored_and_then_turned():
    right, down = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert ScanOrientation(90.0).in_scan(right) == pytest.approx(down)
    assert ScanOrientation(90.0, flip_y=True).in_scan(down) == pytest.approx(right)
    assert ScanOrientation(0.0, flip_y=True).in_scan(down) == pytest.approx(-down)
    with pytest.raises(OutOfRangeError, match="rotation of the scan"):
        MapOptions(20.0, scan_rotation_deg=np.nan)


@pytest.fixture(scope="module")
def shaken():
    """A scan whose probe moves over a sample: where a step to the right in the scan moves the
    shadow of a grain in the disk, is where the scan's x axis lies in the pattern.
    """

    def made(rotation_deg: float, flip_y: bool) -> np.ndarray:
        turned = ScanOrientation(rotation_deg, flip_y)
        y, x = np.mgrid[:48, :48] - 23.5
        scan = np.empty((4, 4, 48, 48))
        for row, column in np.ndindex(4, 4):
            # Vectors of the pattern are brought to the scan; this one comes from there.
            at = np.linalg.inv(turned.to_scan) @ np.array([column, row]) * 2
            scan[row, column] = np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 18)
        return scan

    return made


@pytest.mark.parametrize(("rotation_deg", "flip_y"), [(0, False), (37, False), (-118, True)])
def test_a_shift_with_the_scan_is_along_its_axes(shaken, rotation_deg, flip_y):
    scan = shaken(rotation_deg, flip_y)
    centers = np.array(
        [[ndimage.center_of_mass(frame)[::-1] for frame in row] for row in scan]
    ).reshape(4, 4, 2)
    along = ScanOrientation(rotation_deg, flip_y).in_scan(centers - centers[0, 0])
    assert along[0, 3] == pytest.approx([6, 0], abs=0.02)
    assert along[3, 0] == pytest.approx([0, 6], abs=0.02)


@pytest.mark.parametrize("flip_y", [False, True])
def test_a_turned_detector_gives_the_same_tilts_along_the_scan(simulated, bundle, eager, flip_y):
    """The camera is turned by 90 degrees, and mirrored: what it sees is another pattern."""
    counts = np.rot90(simulated.counts, 1, axes=(-2, -1))
    if flip_y:
        # Mirrored as the last thing that happened: undone first.
        counts = counts[..., ::-1, :]
    scan = Scan.from_array(np.ascontiguousarray(counts))
    turned = infer_map(scan, bundle, GEOMETRY_ALONE).geometry
    # Which angle a pixel and the aperture have, the turning does not change.
    kept = ("convergence_mrad", "mrad_per_pixel", "blur_mrad")
    geometry = dataclasses.replace(eager.geometry, **{
        name: value for name, value in vars(turned).items() if name not in kept
    })  # fmt: skip
    options = dataclasses.replace(OPTIONS, scan_rotation_deg=90.0, flip_y=flip_y)
    found = infer_map(scan, bundle, options, store=Known(geometry))
    expected = simulated.tilt_mrad
    assert np.abs(found.tilt_in_scan_mrad - expected).max() < 0.35
    assert np.abs(found.tilt_x_mrad - expected[..., 0]).max() > 0.5
    assert np.hypot(found.scan_tilt_x_mrad, found.scan_tilt_y_mrad) == pytest.approx(
        found.mistilt_mrad
    )


@pytest.fixture(scope="module")
def turned(simulated, bundle, eager):
    options = dataclasses.replace(OPTIONS, scan_rotation_deg=30.0, refine=False)
    return infer_map(simulated.scan, bundle, options, store=Known(eager.geometry))


def test_what_is_written_says_both(turned, eager, tmp_path):
    expected = ScanOrientation(30.0).in_scan(
        np.stack([turned.tilt_x_mrad, turned.tilt_y_mrad], axis=-1)
    )
    save_map(tmp_path / "map.npz", turned)
    kept = load_map(tmp_path / "map.npz")
    assert kept.orientation == ScanOrientation(30.0)
    with np.load(tmp_path / "map.npz") as arrays:
        assert arrays["scan_tilt_x_mrad"] == pytest.approx(expected[..., 0])
    signal = to_signal(turned)
    held = signal["metadata"]["PACBED"]
    place = held["maps"].index("scan_tilt_y_mrad")
    assert signal["data"][place] == pytest.approx(expected[..., 1], rel=1e-5)
    said = json.loads(held["description"])["orientation"]
    assert said == {"rotation_deg": 30.0, "flip_y": False}
    [first, *_] = csv.DictReader(io.StringIO(map_table(turned)))
    assert float(first["scan_tilt_x_mrad"]) == pytest.approx(expected[0, 0, 0], rel=1e-4)
    assert not set(IN_SCAN) & set(next(csv.DictReader(io.StringIO(map_table(eager)))))
    assert np.isnan(eager.tilt_in_scan_mrad).all()


@pytest.mark.parametrize("known", [False, True])
def test_arrows_of_the_picture_are_along_the_scan_where_that_is_known(turned, eager, known):
    axes = draw_map(turned if known else eager).axes[1]
    title = axes.get_title()
    assert title.endswith("direction in the scan" if known else "direction in the pattern")
    [arrows] = [c for c in axes.collections if type(c).__name__ == "Quiver"]
    shown = turned.scan_tilt_x_mrad if known else eager.tilt_x_mrad
    assert pytest.approx(shown.ravel()) == arrows.U


def test_the_command_takes_both(simulated):
    options = WindowOptions(scan_rotation=-12.0, flip_y=True).map_options(simulated.scan)
    assert options.orientation == ScanOrientation(-12.0, True)
    assert WindowOptions().map_options(simulated.scan).orientation is None


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("degrees", [-25.0, 0.0, 100.0])
def test_what_py4dstem_found_is_read(simulated, tmp_path, flip, degrees):
    path = py4dstem(
        tmp_path / "cube.h5", simulated.counts, QR_rotation=np.radians(degrees), QR_flip=flip
    )
    orientation = open_scan(path).orientation
    assert orientation is not None
    # py4DSTEM's own words, with rows first.
    vector = np.array([0.3, 0.8])
    t = np.radians(degrees)
    turn = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
    rows_first = turn @ (vector if flip else vector[::-1])
    assert orientation.in_scan(vector) == pytest.approx(rows_first[::-1])


def test_files_that_do_not_say_it(simulated, tmp_path):
    assert open_scan(py4dstem(tmp_path / "cube.h5", simulated.counts)).orientation is None
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        file["data"] = simulated.counts
    assert open_scan(tmp_path / "plain.h5").orientation is None
    assert read_orientation({"calibration": {"QR_rotation": "_None", "QR_flip": True}}) is None
    found = read_orientation({"calibration": {"QR_rotation_degrees": 10, "QR_flip": False}})
    assert found == ScanOrientation(-10.0)
