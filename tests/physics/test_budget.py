"""What answers move by where a specimen is other than its recipe: signs, sizes, first order."""

from dataclasses import replace

import numpy as np
import pytest

from pacbed.budget.changes import ABSORPTION, POTENTIAL, SPREAD, changes_of
from pacbed.budget.responses import PIXELS, Place, Responses
from pacbed.crystal.factor_errors import FactorErrors
from pacbed.crystal.projection import project
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.pattern_fit import REACH, fit_pattern
from pacbed.infer.fit.samples import Samples
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.options import TableOptions
from pacbed.library.installed import load_bundle
from tests.crystals import strontium_titanate

ANGLE_MRAD, TILT = 19.0, np.array([2.7, 1.1])
SHIPPED = ("rutile-001-80kV", "sto-001-80kV", "sto-001-200kV", "sto-001-300kV")
OPTIONS = TableOptions(
    direction_step_mrad=0.75, thickness_step_nm=1.0, field=1.45, quantum=5e-4
)  # fmt: skip


@pytest.fixture(scope="module")
def tables():
    """Of SrTiO3 at 200 kV as its recipe says, and by what is changed."""
    cell = project(strontium_titanate(), (0, 0, 1))
    found = {"": simulate_table(cell, 200.0, 20.0, 4.0, 40.0, OPTIONS)}
    for one in changes_of(cell, FactorErrors()):
        found[one.name] = simulate_table(
            one.cell, 200.0, 20.0, 4.0, 40.0, OPTIONS, absorption=one.absorption
        )
    return found


@pytest.fixture(scope="module")
def shifts(tables):
    """Shifts of the thickness, nm, by what is changed, as a function of the thickness."""
    others = [name for name in tables if name]
    place = Place(TILT, ANGLE_MRAD)
    responses = Responses(tables[""], [tables[name] for name in others], place)

    def at(thickness_nm):
        found = responses.at(thickness_nm, SPREAD).thickness_nm
        return dict(zip([*others, "thickness_spread"], found, strict=True))

    return at


def pixels():
    axis = np.arange(-21, 22.0)
    x, y = np.meshgrid(axis, axis)
    inside = np.hypot(x, y) <= REACH * PIXELS
    return Samples(np.zeros(int(inside.sum())), x[inside], y[inside], 1.0, REACH)


@pytest.mark.slow
@pytest.mark.parametrize("thickness_nm", [18.0, 25.0, 36.0])
def test_first_order_is_what_a_fit_finds(tables, shifts, thickness_nm):
    at = Place(TILT, ANGLE_MRAD).parameters(thickness_nm)
    for name, table in tables.items():
        if not name:
            continue
        other = ModelShelf(table, REACH, every=True)
        pattern = other.evaluate(at.to_vector(), pixels(), 0.0).pattern
        samples = replace(pixels(), values=pattern)
        own = ModelShelf(tables[""], REACH, every=True)
        fit = fit_pattern(samples, tables[""], at, Known(), 30, 0.0, own)
        moved = fit.parameters.thickness_nm - thickness_nm
        assert shifts(thickness_nm)[name] == pytest.approx(moved, rel=0.2, abs=0.004)


@pytest.mark.slow
def test_signs_and_sizes_are_those_of_other_ways(shifts):
    # Refits elsewhere at 19 mrad: B + 20 % -0.1 nm, U' + 20 % -0.05 nm, U - 1 % -0.25 nm.
    found = {t: shifts(t) for t in (12.0, 18.0, 25.0, 36.0)}
    typical = {
        name: np.sqrt(np.mean([one[name] ** 2 for one in found.values()])) for name in found[12.0]
    }
    assert all(one["debye_waller"] < 0 and one["potential"] < 0 for one in found.values())
    assert 0.05 < typical["debye_waller"] < 0.25
    assert 0.015 < typical["absorption"] < 0.12
    assert 0.05 < typical["potential"] < 0.3
    assert np.mean([one["absorption"] for one in found.values()]) < 0


@pytest.mark.slow
def test_a_thin_crystal_is_nearly_a_phase_object(shifts):
    # Of a weak phase object intensities go as (U t)², where a weaker potential is a thinner
    # crystal. The rocking curves in the disks, sin²(π s t) / s², change first with U² t⁴: there
    # 1 % of the potential is half a per cent of the thickness.
    for thickness_nm in (5.0, 6.0, 8.0):
        relative = shifts(thickness_nm)["potential"] / thickness_nm
        assert -1.05 * POTENTIAL < relative < -0.5 * POTENTIAL


@pytest.mark.slow
def test_what_does_not_change_moves_nothing(tables):
    found = Responses(tables[""], [tables[""]], Place(TILT, ANGLE_MRAD)).at(25.0, SPREAD)
    assert abs(found.thickness_nm[0]) < 1e-6
    assert found.tilt_mrad[0] < 1e-6


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_systems_have_a_budget_that_grows_with_the_thickness(name):
    sensitivities = load_bundle(name).sensitivities
    for angle in (12.0, 20.0):
        by_thickness = [sensitivities.at(t, angle) for t in (8.0, 30.0, 100.0)]
        potential = [
            next(one.thickness_nm for one in shifts if one.name == "potential")
            for shifts in by_thickness
        ]
        assert potential == sorted(potential)
        totals = [np.hypot.reduce([one.thickness_nm for one in s]) for s in by_thickness]
        assert totals[0] < totals[-1]
        # No more than a phase object's: thick crystals are told by how electrons spread, too.
        assert all(
            0.1 < part / (POTENTIAL * t) < 1.5
            for part, t in zip(potential, (8.0, 30.0, 100.0), strict=True)
        )


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_budgets_are_of_what_their_recipes_state(name):
    said = load_bundle(name).sensitivities
    assert {one.name for one in said.changes} == {
        "debye_waller", "absorption", "potential", "thickness_spread"
    }  # fmt: skip
    changes = {one.name: one.change for one in said.changes}
    assert changes == {
        "debye_waller": 0.2, "absorption": ABSORPTION, "potential": POTENTIAL,
        "thickness_spread": SPREAD,
    }  # fmt: skip
    assert set(said.provenance["b_iso_error"].values()) == {0.2}
