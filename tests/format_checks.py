"""What a file must give back: pattern, orientation, voltage, convergence and calibration."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from pacbed.readers import read_pattern
from pacbed.scans.files import open_scan
from tests.format_files import ANGLE, KV, MRAD, PATTERN

STACK = np.stack([PATTERN + n for n in range(6)])
CUBE = STACK.reshape(2, 3, *PATTERN.shape)


def check(path: Path, frame=None, want=PATTERN, *, kV=KV, mrad=MRAD, angle=ANGLE, dataset=None):
    measurement = read_pattern(path, frame, dataset=dataset)
    np.testing.assert_array_equal(measurement.data, want)
    metadata = measurement.metadata
    assert metadata.high_tension_kV == (None if kV is None else pytest.approx(kV))
    assert metadata.convergence_mrad == (None if mrad is None else pytest.approx(mrad))
    assert metadata.mrad_per_pixel == (None if angle is None else pytest.approx(angle))
    if angle is not None:
        assert metadata.mrad_per_pixel_axes == pytest.approx((angle, angle))
    return measurement


def check_scan(path: Path, want=CUBE, *, kV=KV, mrad=MRAD, angle=ANGLE, step=(0.2, 0.2), **options):
    scan = open_scan(path, **options)
    np.testing.assert_array_equal(scan.read(0, want.shape[0]), want)
    # As it is sent to a worker.
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(scan)).read(1, 2), want[1:2])
    assert scan.high_tension_kV == (None if kV is None else pytest.approx(kV))
    assert scan.convergence_mrad == (None if mrad is None else pytest.approx(mrad))
    assert scan.mrad_per_pixel == (None if angle is None else pytest.approx(angle))
    assert scan.step_nm == (None if step is None else pytest.approx(step))
