"""The parts of an answer's error: how they are kept, added up, and said."""

import dataclasses
import json
import math

import numpy as np
import pytest

from pacbed.answer.budget import budget_rows, total_words
from pacbed.budget.changes import changes_of
from pacbed.budget.kept import kept_sensitivities
from pacbed.crystal.factor_errors import FactorErrors, factor_errors_of_cif
from pacbed.crystal.projection import project
from pacbed.errors import BundleError, RecipeError
from pacbed.infer.fit.found import Fit
from pacbed.infer.fit.parameters import LOG_ALPHA, THICKNESS, FitParameters
from pacbed.infer.judge.budget import budget_of, usual_sensitivities
from pacbed.infer.judge.confidence import Calibration
from pacbed.library.installed import load_bundle
from pacbed.library.models.kinds import Model, write_sensitivities
from pacbed.library.models.sensitivities import Sensitivities, Shifts
from pacbed.library.recipe import load_recipe
from pacbed.library.recipe_errors import factor_errors_of_recipe
from tests.crystals import strontium_titanate

CIF = """data_x
_cell_length_a 3.905
_cell_length_b 3.905
_cell_length_c 3.905
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_U_iso_or_equiv
Sr1 Sr 0 0 0 0.0080(4)
Ti1 Ti 0.5 0.5 0.5 0.0055
O1 O 0.5 0.5 0 0.009(1)
O2 O 0.5 0 0.5 0.0090(2)
O3 O 0 0.5 0.5 ?
"""


def sensitivities(*names, size=0.1):
    shape = 2, 3, 2
    changes = tuple(
        Shifts(name, of, 0.2, np.full(shape, size), np.full(shape, size / 10)) for name, of in names
    )
    angles, thicknesses = np.array([10.0, 20.0]), np.array([5.0, 20.0, 80.0])
    return Sensitivities(angles, thicknesses, np.array([0.0, 3.0]), changes, {"version": "1"})


def fit(noise_share=0.25, with_angle=0.0):
    covariance = np.diag(np.full(10, 0.04))
    covariance[THICKNESS, LOG_ALPHA] = covariance[LOG_ALPHA, THICKNESS] = 0.04 * with_angle
    parameters = FitParameters(30.0, (1.0, 0.0), 80.0, 80.0, -1.0, 0.0, math.log(15.0))
    return Fit(
        parameters, covariance, residual=0.02, contrast_residual=0.05, ranked_residual=0.05,
        structured_residual=0.01, unexplained=0.01, contrast=0.2, chi_square=1000.0,
        blur_mrad=0.2, gain=1.0, noise_share=noise_share,
    )  # fmt: skip


def parts_of(budget):
    return {part.name: part for part in budget.parts}


@pytest.mark.parametrize("with_angle", [0.0, 0.6])
def test_the_parts_of_the_error_bar_add_up_to_it(with_angle):
    calibration = Calibration(thickness_rest=0.7, tilt_rest=0.5, calibrated=True)
    found = fit(with_angle=with_angle)
    budget = budget_of(found, calibration, sensitivities(("potential", "")))
    inside = [part for part in budget.parts if part.in_std]
    thickness = calibration.thickness_std(found.thickness_std_nm, 30.0, found.noise_share)
    tilt = calibration.tilt_std(found.tilt_std_mrad, 30.0, found.noise_share)
    assert math.hypot(*(part.thickness_nm for part in inside)) == pytest.approx(thickness)
    assert math.hypot(*(part.tilt_mrad for part in inside)) == pytest.approx(tilt)
    assert budget.thickness_total_nm == pytest.approx(math.hypot(thickness, 0.1))
    assert budget.tilt_total_mrad == pytest.approx(math.hypot(tilt, 0.01))


def test_the_convergence_angle_takes_its_share_of_the_noise():
    noise = parts_of(budget_of(fit(), Calibration(), None))["noise"].thickness_nm
    parts = parts_of(budget_of(fit(with_angle=0.6), Calibration(), None))
    assert parts["convergence"].thickness_nm == pytest.approx(0.6 * noise)
    assert parts["noise"].thickness_nm == pytest.approx(0.8 * noise)


def test_what_was_not_measured_is_usual_and_says_so():
    budget = budget_of(fit(), Calibration(), None)
    assert not budget.measured
    assert "usual errors" in total_words(budget)
    assert set(parts_of(budget)) == {
        "noise", "convergence", "model", "debye_waller", "absorption", "potential",
        "thickness_spread",
    }  # fmt: skip
    rows = budget_rows(budget)
    assert rows[-1][0] == "in all"
    assert rows[3][:2] == ["Debye-Waller factors ± 20 %", "no"]


def test_usual_ones_are_of_many_crystals():
    assert len(usual_sensitivities().provenance["crystals"]) >= 8


def test_independent_changes_of_one_kind_are_added_in_quadrature():
    kinds = ("debye_waller", "Sr"), ("debye_waller", "Ti, O"), ("potential", "")
    first, second = sensitivities(*kinds).at(10.0, 15.0)
    assert first.of == "Sr, Ti, O"
    assert first.thickness_nm == pytest.approx(0.1 * math.sqrt(2))
    assert second.thickness_nm == pytest.approx(0.1)


def test_shifts_beyond_what_was_measured_are_those_of_its_end():
    given = sensitivities(("potential", ""))
    assert given.at(500.0, 15.0) == given.at(80.0, 15.0)
    assert given.at(0.1, 60.0) == given.at(5.0, 20.0)


def test_what_is_stored_is_read_again():
    given = sensitivities(("debye_waller", "Sr"), ("potential", ""))
    again = Sensitivities.from_dict(json.loads(json.dumps(given.to_dict())))
    assert again.at(13.0, 12.0) == given.at(13.0, 12.0)
    assert again.provenance == given.provenance


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("thicknesses_nm",), [5.0, -1.0, 80.0]),
        (("thicknesses_nm",), [5.0, 80.0]),
        (("convergence_mrad",), [10.0, float("nan")]),
        (("convergence_mrad",), list(range(1, 99))),
        (("changes", 0, "thickness_nm"), [[1.0]]),
        (("changes", 0, "tilt_mrad"), None),
        (("changes", 0, "change"), 0.0),
        (("changes",), 3),
    ],
)
def test_damaged_ones_are_refused(path, value):
    content = sensitivities(("potential", "")).to_dict()
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises((ValueError, KeyError, TypeError)):
        Sensitivities.from_dict(content)


@pytest.fixture
def model(tmp_path):
    return Model._kinds["engine"].load(load_bundle("sto-001-80kV").copy_to(tmp_path / "bundle"))


def test_a_model_keeps_them_with_the_hash_of_its_table(model):
    write_sensitivities(model.folder, sensitivities(("potential", "")))
    again = type(model).load(model.folder)
    assert [one.name for one in again.sensitivities.changes] == ["potential"]
    assert again.hashes == model.hashes
    assert again.calibration == model.calibration
    description = model.folder / "bundle.json"
    text = description.read_text()
    description.write_text(text.replace(f'"table_sha256": "{model.hashes["lacbed.npz"]}"',
                                        '"table_sha256": "0"'))  # fmt: skip
    assert type(model).load(model.folder).sensitivities is None
    description.write_text(text.replace('"change": 0.2', '"change": -1'))
    with pytest.raises(BundleError, match="is not the description"):
        type(model).load(model.folder)


def test_what_a_model_has_is_not_measured_again(model, monkeypatch):
    cell = project(strontium_titanate(), (0, 0, 1))
    made = []

    def measure(cell, system, errors, progress):
        made.append(errors)
        said = {"b_iso_error": {s: errors.of(s) for s in cell.symbols},
                "b_iso_error_stated": sorted(errors.stated)}  # fmt: skip
        return dataclasses.replace(sensitivities(("potential", "")), provenance=said)

    monkeypatch.setattr("pacbed.budget.kept.measure_sensitivities", measure)
    assert kept_sensitivities(model, cell, FactorErrors(), print) is model.sensitivities
    assert made == []
    surer = FactorErrors({"Sr": 0.05})
    kept_sensitivities(model, cell, surer, print)
    again = type(model).load(model.folder)
    kept_sensitivities(again, cell, surer, print)
    assert made == [surer]
    kept_sensitivities(again, cell, surer, print, again=True)
    assert made == [surer, surer]


def test_a_folder_that_cannot_be_written_is_told_of(model, monkeypatch):
    cell = project(strontium_titanate(), (0, 0, 1))
    found = sensitivities(("potential", ""))
    monkeypatch.setattr("pacbed.budget.kept.measure_sensitivities", lambda *given: found)
    gone = dataclasses.replace(model, folder=model.folder / "gone", sensitivities=None)
    with pytest.warns(UserWarning, match="are not kept"):
        assert kept_sensitivities(gone, cell, FactorErrors(), print) is found


def test_uncertainties_of_a_cif_are_read(tmp_path):
    path = tmp_path / "x.cif"
    path.write_text(CIF)
    errors = factor_errors_of_cif(path, {})
    # Of oxygen one site has none at all, so that all of it is a default.
    assert errors.stated == pytest.approx({"Sr": 0.05})
    assert (errors.of("Ti"), errors.of("O")) == (0.2, 0.5)
    path.write_text(CIF.replace(" ?\n", " 0.0090(9)\n"))
    errors = factor_errors_of_cif(path, {"Sr": 0.6})
    assert errors.stated == pytest.approx({"O": 1 / 9})
    assert errors.of("Sr") == 0.2


def test_factors_that_nobody_is_sure_of_are_changed_together():
    cell = project(strontium_titanate(), (0, 0, 1))
    errors = FactorErrors({"Sr": 0.05}, frozenset({"O"}))
    stated, others, absorption, potential = changes_of(cell, errors)
    sites = np.array(cell.symbols)
    assert (stated.of, others.of) == ("Sr", "Ti, O")
    assert stated.cell.b_iso[sites == "Sr"] == pytest.approx(1.05 * cell.b_iso[sites == "Sr"])
    assert stated.cell.b_iso[sites != "Sr"] == pytest.approx(cell.b_iso[sites != "Sr"])
    assert others.cell.b_iso[sites == "O"] == pytest.approx(1.5 * cell.b_iso[sites == "O"])
    assert others.change == 0.5
    assert (absorption.absorption, absorption.cell) == (1.2, cell)
    assert potential.cell.weights == pytest.approx(0.99 * cell.weights)


def test_a_recipe_states_errors_of_its_factors(repository, tmp_path):
    text = (repository / "recipes/sto-001-200kV.toml").read_text()
    path = tmp_path / "x.toml"
    path.write_text(text.replace(", b_iso = 0.44", "") + "\n[crystal.b_iso_error]\nSr = 0.031\n")
    errors = factor_errors_of_recipe(load_recipe(path))
    assert errors.stated == pytest.approx({"Sr": 0.05})
    assert (errors.of("Ti"), errors.of("O")) == (0.5, 0.2)
    path.write_text(text + "\n[crystal.b_iso_error]\nBa = 0.03\n")
    with pytest.raises(RecipeError, match="given for Ba"):
        factor_errors_of_recipe(load_recipe(path))
    path.write_text(text + "\n[crystal.b_iso_error]\nSr = -0.03\n")
    with pytest.raises(RecipeError, match="must lie above 0"):
        load_recipe(path)
