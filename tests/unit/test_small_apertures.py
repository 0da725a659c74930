"""Apertures whose disks hardly touch: the disks around the first one are looked at too."""

import numpy as np
import pytest

from pacbed.crystal.projection import project
from pacbed.crystal.structure import Crystal
from pacbed.infer.fit.pattern_fit import beyond_disk
from pacbed.infer.search.predictor import TablePredictor
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.field import worth_mrad
from pacbed.lacbed.sampling import choose_sampling
from pacbed.library.models.table_model import TableModel, write_table_model
from pacbed.library.system import System
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

ALPHA = 5.0
SITES = (("Sr", 0, 0, 0), ("Ti", 0.5, 0.5, 0.5), ("O", 0.5, 0.5, 0), ("O", 0.5, 0, 0.5),
         ("O", 0, 0.5, 0.5))  # fmt: skip


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    positions = np.array([site[1:] for site in SITES], float)
    crystal = Crystal(
        3.905 * np.eye(3), tuple(s[0] for s in SITES), positions, np.ones(5), np.full(5, 0.6)
    )
    cell = project(crystal, (0, 0, 1))
    options = choose_sampling(cell, 200.0, (ALPHA, ALPHA), 4.0, 60.0)
    table = simulate_table(cell, 200.0, 1.06 * ALPHA, 4.0, 60.0, options)
    system = System(
        0, "sto", "SrTiO3", "SrTiO3", (0, 0, 1), 200.0, (4.5, 5.2), (1.0, 60.0), (0.0, 4.0)
    )
    folder = tmp_path_factory.mktemp("small") / "sto"
    write_table_model(folder, system, table, {"version": "0"})
    return TablePredictor(TableModel.load(folder))


def test_the_table_holds_the_first_disks_around(predictor):
    geometry = predictor.table.geometry
    assert geometry.field * geometry.convergence_max_mrad > worth_mrad(geometry.lattice_mrad, ALPHA)
    assert beyond_disk(predictor.table, ALPHA) > 1.0


def test_what_is_worth_looking_at():
    lattice = 6.4 * np.eye(2)
    assert worth_mrad(lattice, 4.0) == pytest.approx(13.0)
    # Of large apertures the disk with its edge is enough.
    assert worth_mrad(lattice, 20.0) < 1.2 * 20.0


def test_large_apertures_are_looked_at_as_before(bundle_300):
    assert beyond_disk(bundle_300.table, 20.0) == 0.0


@pytest.fixture(scope="module")
def bundle_300():
    from pacbed.library.installed import load_bundle

    return load_bundle("sto-001-300kV")


@pytest.mark.parametrize(("thickness", "tilt"), [(18.0, (2.5, -1.0)), (44.0, (-1.5, 3.0))])
def test_a_small_aperture_is_read_with_nothing_but_the_angle(predictor, thickness, tilt):
    truth = PatternParameters(thickness, *tilt, ALPHA, 0.25, 33.0, 70.0, 59.0)
    clean = np.maximum(synthesise(predictor.table, truth, (128, 128)), 0)
    counts = np.random.default_rng(3).poisson(clean / clean.sum() * 1e6).astype(np.float32)
    found = predictor.infer(counts, ALPHA)
    assert found.thickness_nm == pytest.approx(thickness, abs=1.0)
    assert (found.tilt_x_mrad, found.tilt_y_mrad) == pytest.approx(tilt, abs=0.3)
    assert found.mrad_per_pixel == pytest.approx(0.25, rel=0.01)
    assert found.status == "ok"
