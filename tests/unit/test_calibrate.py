"""Calibration of a system: runs, records, the error model, its report, and the command."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

import pacbed
from pacbed.calibrate import calibrate as calibration
from pacbed.calibrate.calibrate import Effort
from pacbed.calibrate.coverage import report
from pacbed.calibrate.error_model import fit_calibration
from pacbed.calibrate.measured import Measured, joined, measure
from pacbed.calibrate.recorded import DOSES, record
from pacbed.calibrate.runs import plan_run
from pacbed.errors import OutOfRangeError
from pacbed.infer.judge.confidence import Calibration
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise
from pacbed.reference import ReferencePatterns
from tests.cli_tools import RECIPE, SYSTEM, fail, succeed
from tests.table_tools import NAME, register_table


def synthetic(run: int, count: int = 48) -> Measured:
    """Errors of known spread: 1.5 times the fit's own with 0.1 nm, and 0.05 mrad."""
    rng = np.random.default_rng([7, run])
    fit = rng.uniform(0.05, 0.4, count)
    thickness = rng.uniform(5, 90, count)
    figures = np.array([-2.5, -3.5, np.nan, -1.5]) + rng.normal(0, 0.3, (count, 4))
    return Measured(
        run=np.full(count, run),
        dose=np.resize(DOSES, count),
        thickness_nm=thickness,
        thickness_error_nm=rng.normal(0, np.hypot(1.5 * fit, 0.1)),
        thickness_fit_nm=fit,
        tilt_error_mrad=rng.normal(0, 0.05, (count, 2)),
        tilt_fit_mrad=np.full(count, 0.01),
        noise_share=np.ones(count),
        figures=figures,
    )


def test_noise_and_the_rest_of_a_fits_error_have_factors_of_their_own() -> None:
    """At few electrons all of it is noise, at many hardly any: one factor cannot serve both."""
    plain = joined([synthetic(run) for run in range(20)])
    rng, count = np.random.default_rng(5), len(plain)
    noise = 0.2 * np.sqrt(1e5 / plain.dose) * rng.uniform(0.8, 1.2, count)
    rest = np.full(count, 0.25)
    measured = dataclasses.replace(
        plain,
        thickness_error_nm=rng.normal(0, np.hypot(1.3 * noise, 0.2)),
        thickness_fit_nm=np.hypot(noise, rest),
        noise_share=noise**2 / (noise**2 + rest**2),
    )
    half = np.arange(count) % 2 == 0
    calibration = Calibration.from_dict(fit_calibration(measured.where(half)))
    for row in report([(measured.where(~half), calibration)]).coverage:
        if row.quantity == "thickness":
            assert row.realised == pytest.approx(row.nominal, abs=9 if row.nominal < 90 else 4)


def test_runs_cover_the_range_and_depend_on_nothing_else() -> None:
    runs = [plan_run(SYSTEM, number, 3) for number in range(12)]
    assert runs == [plan_run(SYSTEM, number, 3) for number in range(12)]
    for run in runs:
        options = run.options
        assert SYSTEM.convergence_mrad[0] <= options.convergence_mrad <= SYSTEM.convergence_mrad[1]
        assert 5 <= min(options.thicknesses_nm) < max(options.thicknesses_nm) <= 30
        assert np.hypot(options.tilt_x_mrad, options.tilt_y_mrad) <= 3
    for half in (runs[::2], runs[1::2]):
        angles = [run.options.convergence_mrad for run in half]
        assert np.ptp(angles) > 1.0
        assert np.mean([run.options.tilt_x_mrad for run in half]) == pytest.approx(0, abs=1.2)


@pytest.fixture(scope="module")
def simulated(small_table) -> ReferencePatterns:
    """Patterns of a table in the place of simulated ones, of two thicknesses."""
    frames = [
        synthesise(small_table, PatternParameters(t, 2.0, -1.0, 11.0, 0.5), (65, 65))
        for t in (12.0, 24.0)
    ]
    return ReferencePatterns(np.array(frames), np.array([12.0, 24.0]), (0.5, 0.5), {})


def test_a_recorded_pattern_has_the_tilt_that_it_says(small_table, simulated) -> None:
    rng = np.random.default_rng(2)
    recorded = record(simulated, 1, np.array([2.0, -1.0]), 1e7, rng)
    assert np.linalg.norm(recorded.tilt) == pytest.approx(np.hypot(2, 1))
    estimate = pacbed.open_predictor(
        pacbed.load_bundle("sto-001-200kV")
    ).infer(recorded.image, 11.0)  # fmt: skip
    assert estimate.thickness_nm == pytest.approx(24.0, abs=0.6)
    assert (estimate.tilt_x_mrad, estimate.tilt_y_mrad) == pytest.approx(recorded.tilt, abs=0.4)


def test_every_pattern_is_asked_once(simulated) -> None:
    run = plan_run(SYSTEM, 0, 0)
    asked: list[float] = []

    def infer(image, convergence_mrad):
        asked.append(convergence_mrad)
        return SimpleNamespace(
            thickness_nm=20.0, thickness_std_nm=0.2, tilt_x_mrad=0.0, tilt_y_mrad=None,
            tilt_std_mrad=0.1, provenance={"structured_residual": 0.05, "residual": 0.03},
        )  # fmt: skip

    found = measure(SimpleNamespace(infer=infer), run, simulated, lambda _: None, 1)
    assert asked == [run.options.convergence_mrad] * 2
    assert found.thickness_error_nm == pytest.approx([8.0, -4.0])
    assert found.dose.tolist() == [DOSES[0], DOSES[1]]
    assert np.isnan(found.figures[:, 2:]).all()
    assert np.isfinite(found.figures[:, :2]).all()


def test_measurements_come_back_from_their_file(tmp_path) -> None:
    path = tmp_path / "run.npz"
    found = joined([synthetic(0), synthetic(1)])
    assert len(found) == 96
    assert Measured.load(path, "key") is None
    found.save(path, "key")
    again = Measured.load(path, "key")
    for entry in dataclasses.fields(Measured):
        np.testing.assert_array_equal(getattr(again, entry.name), getattr(found, entry.name))
    assert Measured.load(path, "another") is None
    path.write_bytes(path.read_bytes()[:200])
    assert Measured.load(path, "key") is None


def test_the_error_model_holds_for_the_other_half() -> None:
    values = fit_calibration(joined([synthetic(run) for run in range(0, 20, 2)]))
    fitted = Calibration.from_dict(values)
    assert fitted.calibrated
    assert fitted.thickness_std(0.3, 40) == pytest.approx(np.hypot(0.45, 0.1), rel=0.1)
    assert fitted.tilt_std(0.01, 40) == pytest.approx(0.05, rel=0.1)
    # A figure that no answer has keeps its usual centre.
    assert fitted.doubt_centers[2] == Calibration().doubt_centers[2]
    found = report([(joined([synthetic(run) for run in range(1, 40, 2)]), fitted)])
    assert found.refused < 2
    assert abs(found.thickness_bias_nm) < 0.05
    for row in found.coverage:
        assert row.realised == pytest.approx(row.nominal, abs=max(3 * row.error, 3))
        assert 0 < row.error < 5
    assert [row.patterns for row in found.coverage[:1]] == [20 * 48]


def test_patterns_without_an_answer_count_as_refused() -> None:
    found = synthetic(1)
    found.tilt_error_mrad[:12] = np.nan
    found.figures[12:24, 0] = 5.0
    judged = report([(found, Calibration())])
    assert judged.refused == pytest.approx(50)
    assert np.isfinite(judged.tilt_median_mrad)
    assert judged.coverage[0].patterns == 24


def test_error_bars_that_are_too_small_are_seen() -> None:
    proud = Calibration(thickness_scale=0.5, thickness_floor_nm=0.0, thickness_relative=0.0)
    found = report([(joined([synthetic(run) for run in range(1, 20, 2)]), proud)])
    assert found.coverage[0].realised < 40


@pytest.fixture
def system(tmp_path, small_table, monkeypatch):
    """A system without networks, whose runs take no time; the numbers of those that were made."""
    made: list[int] = []

    def new_run(predictor, crystal, run, clock, threads):
        made.append(run.number)
        clock.tell(run.number, 0.5)
        return synthetic(run.number)

    monkeypatch.setattr(calibration, "_new_run", new_run)
    model = register_table(tmp_path / "data", SYSTEM, small_table)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    return model, recipe, made


def test_the_command_writes_what_it_measured_and_goes_on(system, tmp_path) -> None:
    model, recipe, made = system
    command = ("calibrate", NAME, "--data", tmp_path / "data", "--recipe", recipe)
    words = succeed(*command, "--minutes", 1e-9, "--dry-run")
    assert made == [0, 1, 2, 3]
    assert "not written" in words
    data = tmp_path / "data"
    assert not pacbed.load_bundle(NAME, data=data).calibration
    words = succeed(*command, "--minutes", 1e-9)
    assert made == [0, 1, 2, 3]
    assert "95.0 %" in words
    stored = pacbed.load_bundle(NAME, data=data).calibration
    assert Calibration.from_dict(stored).calibrated
    assert stored["measured_on"]["runs"] == 4
    assert len(stored["measured_on"]["report"]["coverage"]) == 16
    # What was calibrated answers without the warning.
    assert pacbed.open_predictor(pacbed.load_bundle(NAME, data=data))._calibration.calibrated
    succeed(*command, "--minutes", 1e-9, "--seed", 1)
    assert made == [0, 1, 2, 3] * 2
    assert model.folder.joinpath("calibration", "run-003.npz").exists()


def test_more_time_adds_runs_in_pairs(system, tmp_path, small_table) -> None:
    model, _, made = system
    from tests.crystals import strontium_titanate

    told: list[float] = []
    effort = Effort(minutes=5, runs=7, threads=1)
    found = calibration.calibrate(
        model, strontium_titanate(), tmp_path / "runs", effort, told.append
    )
    assert made == list(range(7))
    assert found.runs == 7
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_another_crystal_is_seen(system, tmp_path, monkeypatch) -> None:
    _, recipe, _ = system

    def foreign(predictor, crystal, run, clock, threads):
        found = synthetic(run.number)
        found.figures[:] = 5.0
        return found

    monkeypatch.setattr(calibration, "_new_run", foreign)
    line = fail("calibrate", NAME, "--data", tmp_path / "data", "--recipe", recipe)
    assert "crystal that its table was made from" in line


def test_what_cannot_be_calibrated_is_one_line(system, tmp_path) -> None:
    _, recipe, _ = system
    data = tmp_path / "data"
    assert "--recipe" in fail("calibrate", NAME, "--data", data)
    recipe.write_text(RECIPE.replace("= 200.0", "= 300.0"), encoding="utf-8")
    line = fail("calibrate", NAME, "--data", data, "--recipe", recipe)
    assert "another zone axis or high tension" in line
    for wrong in ({"minutes": 0}, {"runs": 2}, {"seed": -1}):
        with pytest.raises(OutOfRangeError):
            Effort(**wrong)
