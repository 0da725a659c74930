"""A small simulated scan, and its map."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest

from pacbed.library.installed import load_engine
from pacbed.maps.mapping import infer_map
from pacbed.maps.options import MapOptions
from pacbed.scans.scan import Scan
from pacbed.scans.wedge import WedgeOptions, WedgeTruth, wedge_rows, wedge_truth

WEDGE = WedgeOptions(
    scan_shape=(12, 16),
    detector_px=64,
    mrad_per_pixel=1.0,
    thickness_nm=(30.0, 38.0),
    mistilt_mrad=1.3,
    electrons=3000.0,
    drift_px=0.8,
    distortion=0.0,
)
WINDOW = 4
OPTIONS = MapOptions(convergence_mrad=20.0, window=(WINDOW, WINDOW), samples=4)


@dataclass(frozen=True)
class Simulated:
    """Counts of a wedge, and what it is in each window."""

    counts: np.ndarray
    thickness_nm: np.ndarray
    tilt_mrad: np.ndarray

    @property
    def scan(self) -> Scan:
        return Scan.from_array(self.counts, step_nm=(0.1, 0.1))


def in_windows(values: np.ndarray) -> np.ndarray:
    rows, columns = (n // WINDOW for n in values.shape[:2])
    return values.reshape(rows, WINDOW, columns, WINDOW, *values.shape[2:]).mean(axis=(1, 3))


class Known:
    """Gives the geometry of a map that was made, and keeps nothing."""

    def __init__(self, geometry):
        self._geometry = geometry

    def geometry(self):
        return self._geometry

    def keep_geometry(self, geometry): ...

    def rows(self):
        return {}

    def keep_row(self, row, layers): ...


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """With ``--dist loadgroup`` one worker alone makes the scan and its map."""
    for item in items:
        if "simulated" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("map of a wedge"))


@pytest.fixture(scope="session")
def bundle():
    return load_engine("sto-001-300kV")


@pytest.fixture(scope="session")
def simulated(bundle) -> Simulated:
    truth: WedgeTruth = wedge_truth(WEDGE)
    counts = np.stack(list(wedge_rows(bundle.table, WEDGE)))
    return Simulated(counts, in_windows(truth.thickness_nm), in_windows(truth.tilt_mrad))


@pytest.fixture(scope="session")
def eager(simulated, bundle):
    """The map, inferred in this process."""
    return infer_map(simulated.scan, bundle, OPTIONS)


@pytest.fixture(scope="session")
def networks_alone(eager, simulated, bundle):
    """The map without fits."""
    options = dataclasses.replace(OPTIONS, refine=False)
    return infer_map(simulated.scan, bundle, options, store=Known(eager.geometry))
