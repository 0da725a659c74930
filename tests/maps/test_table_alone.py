"""Maps of a model that has a table and no networks: as good, and what is then not known."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pacbed.errors import OutOfRangeError, UnknownSystemError
from pacbed.infer.open_predictor import open_fitting_predictor
from pacbed.infer.search.patterns import CoarsePatterns
from pacbed.infer.shared.all_tilts import AllTilts
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.infer.shared.solve import cleaned
from pacbed.library.installed import load_bundle
from pacbed.library.models.label_bundle import LabelBundle
from pacbed.maps.geometry import estimate_geometry
from pacbed.maps.layers import MISMATCH, OK, SETTLED
from pacbed.maps.mapping import infer_map
from pacbed.maps.options import MapOptions
from pacbed.maps.spread import shared_predictor
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.recorded import CleanPattern
from pacbed.pattern.synthesis import synthesise
from tests.label_tools import make_label_bundle
from tests.maps.conftest import OPTIONS, Known
from tests.table_tools import table_model


@pytest.fixture(scope="module")
def alone(bundle, tmp_path_factory):
    """The table of the bundle as a model, with few angles and tilts that may have to be asked."""
    few = {"convergence_mrad": (19.5, 20.6), "mistilt_mrad": (0.0, 3.0)}
    system = dataclasses.replace(bundle.system, **few)
    return table_model(tmp_path_factory.mktemp("table") / "model", system, bundle.table)


@pytest.fixture(scope="module")
def without(simulated, alone):
    """The map without networks; that no fit was asked for changes nothing."""
    return infer_map(simulated.scan, alone, dataclasses.replace(OPTIONS, refine=False))


def test_the_map_is_what_was_simulated(without, simulated, eager):
    assert np.isin(without.status, (OK, SETTLED)).all()
    assert np.abs(without.thickness_nm - simulated.thickness_nm).max() < 1.5
    assert np.abs(without.tilt_x_mrad - simulated.tilt_mrad[..., 0]).max() < 0.35
    assert np.abs(without.tilt_y_mrad - simulated.tilt_mrad[..., 1]).max() < 0.35
    assert np.median(np.abs(without.thickness_nm - eager.thickness_nm)) < 0.15
    assert without.geometry.rotation_deg == pytest.approx(eager.geometry.rotation_deg, abs=0.3)


def test_it_says_that_it_is_a_fit_without_networks(without, alone):
    assert np.isnan(without.network_thickness_nm).all()
    assert np.isfinite(without.residual).all()
    assert without.settings["refine"] is True
    assert without.provenance["method"] == "fit"
    assert without.provenance["bundle_sha256"] == alone.hashes


def test_another_voltage_is_not_mapped_in_silence(simulated, tmp_path):
    other = load_bundle("sto-001-200kV")
    system = dataclasses.replace(other.system, mistilt_mrad=(0.0, 3.0))
    wrong = table_model(tmp_path / "model", system, other.table)
    options = dataclasses.replace(OPTIONS, samples=2, region=(0, 8, 0, 8))
    found = infer_map(simulated.scan, wrong, options)
    assert (found.status == MISMATCH).all()


def test_a_window_of_something_else_is_marked_and_leads_none_astray(simulated, eager, alone):
    counts = simulated.counts.copy()
    random = np.random.default_rng(1)
    y, x = np.mgrid[:64, :64] - 31.5
    spots = gaussian_filter(random.random((64, 64)), 2.0)
    pattern = (spots - spots.min()) * (np.hypot(x, y) < 20)
    counts[4:8, 4:8] = random.poisson(3000 * pattern / pattern.sum(), (4, 4, 64, 64))
    scan = dataclasses.replace(simulated, counts=counts).scan
    options = dataclasses.replace(OPTIONS, region=(4, 12, 0, 12))
    found = infer_map(scan, alone, options, store=Known(eager.geometry))
    assert found.status[0, 1] == MISMATCH
    right = np.ones(found.shape, bool)
    right[0, 1] = False
    assert np.abs(found.thickness_nm - simulated.thickness_nm[1:, :3])[right].max() < 1.5


def test_the_convergence_angle_is_found(simulated, alone):
    sums = simulated.counts.reshape(3, 4, 4, 4, 64, 64).sum(axis=(1, 3)).reshape(12, 64, 64)
    chosen = [1, 6, 10]
    place = np.array([[-0.7, -0.3], [0.0, 0.3], [0.7, 0.3]])
    geometry = estimate_geometry(sums[chosen], place, shared_predictor(alone), None, 1.0)
    assert geometry.convergence_mrad == pytest.approx(20.0, rel=0.03)
    # What is not known speaks neither for nor against the crystal.
    solver = shared_predictor(alone).sharing(geometry)
    centers = geometry.center(place)
    patterns, _ = cleaned(sums[chosen])
    for solutions in solver.solve(patterns, centers, solver.read(patterns, centers)):
        assert solver.doubt(solutions[0].fit) < solver.calibration.mismatch


def test_the_scan_says_its_convergence_angle(simulated, alone, eager):
    scan = dataclasses.replace(simulated.scan, convergence_mrad=35.0)
    with pytest.raises(OutOfRangeError, match=r"19\.5 to 20\.6"):
        infer_map(scan, alone, MapOptions(window=(4, 4)), store=Known(eager.geometry))


@pytest.mark.parametrize("columns", [64, 40])
@pytest.mark.parametrize("tilt", [(0.0, 0.0), (1.8, 0.9), (-0.7, 2.2), (-2.0, -1.4)])
def test_all_tilts_are_compared_in_every_sector(small_table, columns, tilt):
    """Whole patterns, and such of which a part of the disk lies beside the detector."""
    geometry = SharedGeometry(11.0, 0.5, rotation_deg=20.0)
    shown = geometry.tilt_in_pattern(np.array(tilt))
    center = np.array([31.2, 32.4])
    pattern = synthesise(
        small_table,
        PatternParameters(24.0, *shown, 11.0, 0.5, 20.0, center[1], center[0]),
        (64, 64),
    )
    coarse = CoarsePatterns(small_table, 11.0, 3.0)
    cut = pattern[:, :columns].astype(np.float32)
    first, *others = AllTilts(coarse, geometry).likely(CleanPattern(cut), center, 4)
    assert np.linalg.norm(first - tilt) < 1.2
    for other in others:
        assert np.linalg.norm(other - first) > 1.0


def test_a_disk_beside_the_detector_has_no_tilts(small_table):
    tilts = AllTilts(CoarsePatterns(small_table, 11.0, 3.0), SharedGeometry(11.0, 0.5))
    assert (
        tilts.likely(CleanPattern(np.ones((64, 64), np.float32)), np.array([500.0, 500.0]), 3) == []
    )


def test_labels_without_a_table_make_no_maps(bundle, tmp_path):
    labels = LabelBundle.load(make_label_bundle(tmp_path / "bare", bundle.table))
    with pytest.raises(UnknownSystemError, match="table to fit with"):
        open_fitting_predictor(labels)
    labels = LabelBundle.load(make_label_bundle(tmp_path / "with", bundle.table, with_table=True))
    assert open_fitting_predictor(labels).order == 4
