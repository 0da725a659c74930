"""A small simulated scan, and its map."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest

from pacbed.infer.networks import networks
from pacbed.library.installed import load_engine
from pacbed.maps import spread
from pacbed.maps.mapping import infer_map
from pacbed.maps.options import MapOptions
from pacbed.maps.thickness_map import ThicknessMap
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
#: For what is asked of the geometry alone. For a plane of centres, of which nine windows are too
#: few, and for a map, patterns would be made anew for every geometry that is a little different.
GEOMETRY_ALONE = dataclasses.replace(OPTIONS, refine=False, region=(0, 12, 0, 12))


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


def assert_like_the_wedge(geometry) -> None:
    """The geometry is that of the wedge, as well as four windows tell it."""
    assert geometry.mrad_per_pixel == pytest.approx(WEDGE.mrad_per_pixel, rel=0.012)
    assert geometry.convergence_mrad == pytest.approx(20, rel=0.012)
    assert geometry.rotation_deg == pytest.approx(WEDGE.rotation_deg, abs=1.0)
    middle = (WEDGE.detector_px - 1) / 2
    assert geometry.center(np.zeros((1, 2))) == pytest.approx(
        np.array([[middle + 0.8, middle - 1.3]]), abs=0.3
    )


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


@dataclass(frozen=True)
class Made:
    """A map, and the networks that were loaded for it."""

    map: ThicknessMap
    loaded: tuple[str, ...]


@pytest.fixture(scope="session")
def made(simulated, bundle) -> Made:
    """Inferred in this process, where no network had been loaded."""
    loaded, session = [], networks._session

    def counted(bundle, network, threads):
        loaded.append(network)
        return session(bundle, network, threads)

    spread._predictor.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "_session", counted)
        found = infer_map(simulated.scan, bundle, OPTIONS)
    return Made(found, tuple(loaded))


@pytest.fixture(scope="session")
def eager(made) -> ThicknessMap:
    """The map, inferred in this process."""
    return made.map


@pytest.fixture(scope="session")
def networks_alone(eager, simulated, bundle):
    """The map without fits."""
    options = dataclasses.replace(OPTIONS, refine=False)
    return infer_map(simulated.scan, bundle, options, store=Known(eager.geometry))
