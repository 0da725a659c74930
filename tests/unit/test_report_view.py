"""The part of a pattern that the validation picture shows, and its simulation."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from pacbed.answer.estimate import Estimate, ThicknessDistribution
from pacbed.answer.report.figure import ReportView, crop_view, simulate_view
from pacbed.answer.report.view import match_intensity
from pacbed.errors import PatternError
from pacbed.lacbed.geometry import TableGeometry
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

CONVERGENCE_MRAD = 10.0
ESTIMATE = Estimate(
    system="sto-001-200kV",
    status="ok",
    thickness_nm=20.0,
    thickness_std_nm=0.7,
    thickness_interval95_nm=(18.6, 21.4),
    tilt_x_mrad=3.0,
    tilt_y_mrad=-4.0,
    tilt_std_mrad=0.2,
    mistilt_mrad=5.0,
    azimuth_deg=307.0,
    mrad_per_pixel=0.5,
    scale=1.0,
    rotation_deg=30.0,
    center_row_px=30.0,
    center_column_px=34.0,
    residual=None,
    alternatives=(),
    thickness_distribution=ThicknessDistribution((), ()),
)


@pytest.fixture
def view() -> ReportView:
    return crop_view(np.ones((64, 70)), ESTIMATE, CONVERGENCE_MRAD)


@pytest.fixture(scope="module")
def table() -> LacbedTable:
    geometry = TableGeometry(
        reciprocal=0.25 * np.eye(2),
        point_group=np.eye(2, dtype=int)[None],
        beams=np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]]),
        high_tension_kV=200.0,
        divisions=(6, 6),
        direction_max_mrad=24.0,
        convergence_max_mrad=10.0,
        mistilt_max_mrad=8.0,
        field=1.6,
        thickness_step_nm=10.0,
        thickness_steps=4,
    )
    coefficients = []
    for k, beam in geometry.pair_rows:
        x, y = (geometry.grid.wedge[k] @ geometry.fine_lattice_mrad).T
        lone = np.exp(-((x - 1) ** 2 + (y - 2) ** 2) / 20) + 0.01 * x + 0.02 * y + beam
        coefficients.append(lone[:, None].astype(np.float32))
    bases = [np.linspace(1, 2, 5)[None] for _ in coefficients]
    return LacbedTable(geometry, bases, coefficients, 1.0, {})


class TestCrop:
    def test_pads_at_the_edge_and_keeps_the_place_of_every_pixel(self) -> None:
        data = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60)
        estimate = dataclasses.replace(ESTIMATE, center_row_px=3.3, center_column_px=57.6)
        view = crop_view(data, estimate, CONVERGENCE_MRAD)
        assert view.measured.shape == (73, 73)
        assert view.mrad_per_pixel == 0.5
        found_row, found_column = np.argwhere(view.measured == data[5, 50])[0]
        assert found_row - view.center_row_px == pytest.approx(5 - 3.3)
        assert found_column - view.center_column_px == pytest.approx(50 - 57.6)
        assert np.isnan(view.measured).sum() == 73 * 73 - 40 * 38

    def test_holds_the_field_on_all_sides(self, view: ReportView) -> None:
        left, right, bottom, top = view.extent_mrad
        assert left <= -1.8 * CONVERGENCE_MRAD
        assert top <= -1.8 * CONVERGENCE_MRAD
        assert right >= 1.8 * CONVERGENCE_MRAD
        assert bottom >= 1.8 * CONVERGENCE_MRAD

    def test_bins_a_large_pattern_without_moving_it(self) -> None:
        rows, columns = np.indices((2000, 1500))
        data = np.exp(-((rows - 900.3) ** 2 + (columns - 800.8) ** 2) / 800)
        estimate = dataclasses.replace(
            ESTIMATE, center_row_px=900.3, center_column_px=800.8, mrad_per_pixel=0.01
        )
        view = crop_view(data, estimate, CONVERGENCE_MRAD)
        assert max(view.measured.shape) <= 514
        assert view.mrad_per_pixel == pytest.approx(0.08)
        seen = np.nan_to_num(view.measured).astype(np.float64)
        for positions, center in zip(
            np.indices(seen.shape).astype(np.float64),
            (view.center_row_px, view.center_column_px),
            strict=True,
        ):
            assert np.average(positions, weights=seen) == pytest.approx(center, abs=0.01)

    @pytest.mark.parametrize("center", [-1e9, 500.0])
    def test_a_centre_outside_gives_no_pixels(self, center: float) -> None:
        view = crop_view(
            np.ones((32, 32)), dataclasses.replace(ESTIMATE, center_row_px=center), 1.0
        )
        assert np.isnan(view.measured).all()

    @pytest.mark.parametrize("mrad_per_pixel", [1e-9, 1e3])
    def test_a_camera_length_far_off_stays_small(self, mrad_per_pixel: float) -> None:
        view = crop_view(
            np.ones((32, 32)), dataclasses.replace(ESTIMATE, mrad_per_pixel=mrad_per_pixel), 10.0
        )
        assert 9 <= max(view.measured.shape) <= 514

    @pytest.mark.parametrize(
        ("data", "changes", "field"),
        [
            (np.ones((3, 4, 5)), {}, 1.8),
            (np.ones((3, 4), complex), {}, 1.8),
            (np.ones((0, 4)), {}, 1.8),
            (np.ones((3, 4)), {"mrad_per_pixel": 0.0}, 1.8),
            (np.ones((3, 4)), {"center_row_px": math.nan}, 1.8),
            (np.ones((3, 4)), {}, -1.0),
        ],
    )
    def test_refuses_what_it_cannot_cut(
        self, data: np.ndarray, changes: dict[str, Any], field: float
    ) -> None:
        with pytest.raises(PatternError) as caught:
            crop_view(data, dataclasses.replace(ESTIMATE, **changes), CONVERGENCE_MRAD, field)
        assert "\n" not in str(caught.value)

    def test_refuses_a_simulation_of_another_shape(self, view: ReportView) -> None:
        with pytest.raises(PatternError, match="shape"):
            dataclasses.replace(view, simulated=np.ones((2, 2)))


class TestMatchIntensity:
    def test_finds_factor_and_offset_and_ignores_gaps(self) -> None:
        simulated = np.random.default_rng(0).random((20, 30))
        measured = 3 * simulated + 5
        measured[0, :4] = np.nan
        matched, residual = match_intensity(measured, simulated)
        np.testing.assert_allclose(matched, 3 * simulated + 5)
        assert residual == pytest.approx(0, abs=1e-12)

    @pytest.mark.parametrize("factor", [0.0, -1.0])
    def test_does_not_match_a_flat_or_inverted_simulation(self, factor: float) -> None:
        measured = np.random.default_rng(0).random((20, 30))
        matched, residual = match_intensity(measured, factor * measured)
        np.testing.assert_allclose(matched, measured.mean())
        assert residual == pytest.approx(1)

    def test_without_a_common_pixel(self) -> None:
        matched, residual = match_intensity(np.full((2, 2), np.nan), np.ones((2, 2)))
        assert np.isnan(matched).all()
        assert residual == 1


class TestSimulateView:
    def test_has_grid_and_orientation_of_the_pattern(self, table: LacbedTable) -> None:
        parameters = PatternParameters(20.0, 3.0, -4.0, CONVERGENCE_MRAD, 0.5, 30.0, 30.0, 34.0)
        data = 400.0 * synthesise(table, parameters, (50, 90)) + 3
        view = simulate_view(crop_view(data, ESTIMATE, CONVERGENCE_MRAD), table, ESTIMATE)
        assert view.simulated is not None
        assert match_intensity(view.measured, view.simulated)[1] < 1e-6
        assert np.isnan(view.simulated[0, 0])
        turned = dataclasses.replace(ESTIMATE, tilt_x_mrad=-4.0, tilt_y_mrad=3.0)
        other = simulate_view(view, table, turned)
        assert other.simulated is not None
        assert match_intensity(view.measured, other.simulated)[1] > 1e-3

    @pytest.mark.parametrize(
        "changes", [{"rotation_deg": None}, {"thickness_nm": 99.0}, {"tilt_x_mrad": 40.0}]
    )
    def test_leaves_out_what_cannot_be_simulated(
        self, table: LacbedTable, view: ReportView, changes: dict[str, Any]
    ) -> None:
        bare = dataclasses.replace(view, simulated=None)
        assert (
            simulate_view(bare, table, dataclasses.replace(ESTIMATE, **changes)).simulated is None
        )
