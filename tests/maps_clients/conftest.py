"""A small scan for the programs that make maps of it, and the map that it gives."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pacbed.library.installed import load_bundle
from pacbed.maps.mapping import infer_map
from pacbed.maps.options import MapOptions
from pacbed.maps.thickness_map import ThicknessMap
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise
from pacbed.scans.scan import Scan
from tests.cli_tools import SYSTEM as SMALL
from tests.table_tools import NAME, register_table

HERE = Path(__file__).parent
SYSTEM = "sto-001-300kV"
CONVERGENCE_MRAD = 20.0


@dataclass(frozen=True)
class Recorded:
    """A scan of 6 x 9 positions in whole numbers, over three thicknesses."""

    data: np.ndarray
    thickness_nm: tuple[float, float, float] = (18.0, 34.0, 55.0)
    convergence_mrad: float = CONVERGENCE_MRAD

    def map(self, model=None, **options) -> ThicknessMap:
        """What ``pacbed map`` makes of it."""
        given = {"window": (3, 3), "samples": 3, **options}
        scan = Scan.from_array(self.data, "scan", step_nm=(0.2, 0.1))
        model = model or load_bundle(SYSTEM)
        return infer_map(scan, model, MapOptions(self.convergence_mrad, **given))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """With ``--dist loadgroup`` one worker alone makes the scan and its maps."""
    for item in items:
        if "recorded" in getattr(item, "fixturenames", ()) and item.path.parent == HERE:
            item.add_marker(pytest.mark.xdist_group("maps of other programs"))


def record(table, thicknesses_nm: tuple[float, float, float], convergence_mrad: float) -> Recorded:
    """The scan of a table."""
    random = np.random.default_rng(3)
    data = np.empty((6, 9, 48, 48), np.uint16)
    for number, thickness_nm in enumerate(thicknesses_nm):
        where = PatternParameters(
            thickness_nm=thickness_nm, tilt_x_mrad=1.5, tilt_y_mrad=-1.0,
            convergence_mrad=convergence_mrad, rotation_deg=11.0,
            mrad_per_pixel=2 * table.geometry.field * convergence_mrad / 48,
        )  # fmt: skip
        pattern = np.nan_to_num(synthesise(table, where, shape=(48, 48))).clip(0)
        part = data[:, 3 * number : 3 * number + 3]
        part[...] = random.poisson(5e4 * pattern / pattern.sum(), part.shape)
    return Recorded(data, thicknesses_nm, convergence_mrad)


@pytest.fixture(scope="session")
def recorded() -> Recorded:
    return record(load_bundle(SYSTEM).table, Recorded.thickness_nm, CONVERGENCE_MRAD)


@pytest.fixture(scope="session")
def fitted(recorded) -> ThicknessMap:
    """The map with the fit."""
    return recorded.map()


@dataclass(frozen=True)
class WithoutNetworks:
    """A system of a data folder that has a small table alone, a scan of it and its map."""

    data: str
    recorded: Recorded
    fitted: ThicknessMap
    name: str = NAME


@pytest.fixture(scope="session")
def without_networks(small_table, tmp_path_factory) -> WithoutNetworks:
    data = tmp_path_factory.mktemp("tables") / "data"
    model = register_table(data, SMALL, small_table)
    recorded = record(small_table, (10.0, 18.0, 26.0), 12.0)
    return WithoutNetworks(str(data), recorded, recorded.map(model, samples=1))
