"""What neighbours decide, on maps made up for it."""

import numpy as np
import pytest

from pacbed.maps.layers import AMBIGUOUS, MISMATCH, NO_DATA, OK, SETTLED, empty_layers
from pacbed.maps.settle import settle, take

SHAPE = (8, 9)


def wedge(noise: float = 0.2) -> dict[str, np.ndarray]:
    """A plane of thickness and tilt, all clear."""
    layers = empty_layers(SHAPE)
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]]
    rng = np.random.default_rng(3)
    layers["thickness_nm"][..., 0] = 20 + 2.5 * column + 0.5 * row + noise * rng.normal(size=SHAPE)
    layers["thickness_std_nm"][..., 0] = 0.4
    layers["tilt_mrad"][..., 0, :] = np.stack([0.2 * column, 1 - 0.1 * row], axis=-1)
    layers["tilt_std_mrad"][..., 0] = 0.1
    layers["probability"][..., 0] = 1.0
    layers["solution_status"][..., 0] = OK
    layers["status"][:] = OK
    return layers


def add(layers, place, thickness, probability, std=0.4):
    """A second solution, so that the first has the rest of the probability."""
    layers["thickness_nm"][(*place, 1)] = thickness
    layers["thickness_std_nm"][(*place, 1)] = std
    layers["tilt_mrad"][(*place, 1)] = layers["tilt_mrad"][(*place, 0)]
    layers["tilt_std_mrad"][(*place, 1)] = 0.1
    layers["solution_status"][(*place, 1)] = OK
    layers["probability"][(*place, slice(0, 2))] = 1 - probability, probability


def test_a_clear_wedge_stays_as_it_is():
    layers = wedge()
    found = settle(layers)
    assert (found.status == OK).all()
    assert (found.chosen == 0).all()
    assert not found.jump.any()


def test_an_ambiguous_window_takes_what_its_neighbours_support():
    layers, place = wedge(), (4, 4)
    right = layers["thickness_nm"][4, 4, 0]
    layers["thickness_nm"][4, 4, 0] = right + 15
    add(layers, place, right, 0.4)
    layers["status"][place] = AMBIGUOUS
    found = settle(layers)
    assert found.status[place] == SETTLED
    assert take(layers["thickness_nm"], found.chosen)[place] == right
    assert not found.jump[place]
    others = np.ones(SHAPE, bool)
    others[place] = False
    assert (found.status[others] == OK).all()


def test_a_fit_far_worse_than_its_neighbours_is_not_of_the_crystal():
    """Also where its status alone was ambiguous: it must not be settled with them."""
    layers, place = wedge(), (4, 4)
    rng = np.random.default_rng(4)
    column = np.arange(SHAPE[1])
    # The residual grows over the map, as it does with thickness.
    layers["residual"][..., 0] = (0.05 + 0.01 * column) * np.exp(0.04 * rng.normal(size=SHAPE))
    assert (settle(layers).status == OK).all()
    layers["residual"][(*place, 0)] *= 1.7
    add(layers, place, layers["thickness_nm"][(*place, 0)] + 15, 0.4)
    layers["status"][place] = AMBIGUOUS
    found = settle(layers)
    assert found.status[place] == MISMATCH
    assert (np.delete(found.status.ravel(), 4 * SHAPE[1] + 4) == OK).all()


def halo(layers, where):
    """An amorphous area: its fits are poor, and only ambiguous by themselves."""
    for place in map(tuple, np.argwhere(where)):
        layers["residual"][(*place, 0)] *= 4.5
        add(layers, place, layers["thickness_nm"][(*place, 0)] + 15, 0.4)
        layers["status"][place] = AMBIGUOUS


@pytest.mark.parametrize(
    "area", [np.s_[4:, 5:], np.s_[:, :3], np.s_[:3, :3]], ids=["quarter", "strip", "corner"]
)
def test_an_area_that_is_not_of_the_crystal_is_no_company_for_itself(area):
    """Its windows are one another's neighbours; the rest of the map still tells."""
    layers, where = wedge(), np.zeros(SHAPE, bool)
    rng = np.random.default_rng(5)
    layers["residual"][..., 0] = 0.1 * np.exp(0.05 * rng.normal(size=SHAPE))
    where[area] = True
    halo(layers, where)
    status = settle(layers).status
    assert (status[where] == MISMATCH).all()
    assert (status[~where] == OK).all()


def test_missing_frames_are_no_mismatch():
    layers = wedge()
    rng = np.random.default_rng(6)
    layers["residual"][..., 0] = 0.1 * np.exp(0.03 * rng.normal(size=SHAPE))
    layers["frames"][:] = 64
    layers["frames"][4, 4] = 33
    layers["residual"][4, 4, 0] *= 64 / 33
    assert (settle(layers).status == OK).all()


def test_a_cluster_of_ambiguous_windows_is_settled_from_its_rim():
    layers = wedge()
    for row in range(3, 6):
        for column in range(3, 6):
            right = layers["thickness_nm"][row, column, 0]
            layers["thickness_nm"][row, column, 0] = right - 12
            add(layers, (row, column), right, 0.35)
            layers["status"][row, column] = AMBIGUOUS
    found = settle(layers)
    assert (found.status[3:6, 3:6] == SETTLED).all()
    assert (found.chosen[3:6, 3:6] == 1).all()


def test_a_lone_wrong_window_is_marked():
    layers = wedge()
    layers["thickness_nm"][2, 6, 0] += 12
    found = settle(layers)
    assert np.argwhere(found.jump).tolist() == [[2, 6]]


def test_a_real_step_is_no_jump():
    layers = wedge()
    layers["thickness_nm"][:, 5:, 0] += 25
    assert not settle(layers).jump.any()


def test_a_clear_window_gives_way_only_to_much_better():
    layers, place = wedge(), (4, 4)
    add(layers, place, layers["thickness_nm"][4, 4, 0] + 3, 0.1)
    assert settle(layers).chosen[place] == 0


def test_an_open_tilt_is_drawn_to_the_neighbours_and_marked():
    layers, place = wedge(), (4, 4)
    truth = layers["tilt_mrad"][4, 4, 0].copy()
    layers["tilt_mrad"][4, 4, 0] = truth + np.array([1.0, -0.8])
    layers["tilt_std_mrad"][4, 4, 0] = 1.2
    found = settle(layers)
    assert np.argwhere(found.tilt_joined).tolist() == [[4, 4]]
    assert np.linalg.norm(found.tilt_mrad[place] - truth) < 0.3
    assert found.tilt_std_mrad[place] < 0.6
    assert np.array_equal(layers["tilt_mrad"][4, 4, 0], truth + np.array([1.0, -0.8]))


@pytest.mark.parametrize(("error", "is_open"), [(0.15, False), (0.25, True)])
def test_a_tilt_is_open_where_half_a_mrad_is_not_sure(error, is_open):
    layers = wedge()
    layers["tilt_std_mrad"][4, 4, 0] = error
    assert settle(layers).tilt_joined[4, 4] == is_open


def test_windows_without_data_stay_so_and_support_nobody():
    layers = wedge()
    empty = empty_layers(SHAPE)
    for name, values in layers.items():
        values[:, 3:] = empty[name][:, 3:]
    found = settle(layers)
    assert (found.status[:, 3:] == NO_DATA).all()
    assert (found.status[:, :3] == OK).all()
    assert not found.jump.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 2)])
def test_tiny_maps_are_left_alone(shape):
    layers = {name: values[: shape[0], : shape[1]] for name, values in wedge().items()}
    found = settle(layers)
    assert (found.status == OK).all()
    assert not found.jump.any()
