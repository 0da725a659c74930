"""The lattice of disks, found by all their rims at once."""

import math

import numpy as np
import pytest
from scipy import ndimage

from pacbed.infer.search.rims import (
    bright_middle,
    lattice_rotations,
    rim_places,
    sizes_to_try,
)
from pacbed.pattern.geometry import turn_matrix
from pacbed.pattern.recorded import CleanPattern

SQUARE = np.array([[6.4, 0.0], [0.0, 6.4]])
HEXAGON = np.array([[8.7, 0.0], [4.35, 8.7 * math.sqrt(0.75)]])
ROWS = np.array([[4.84, 0.0], [0.0, 9.1]])


def lattice_pattern(lattice, alpha, radius, rotation, center, seed=0, size=160):
    """Disks of random brightness on a lattice; the first one is no brighter than the others."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    image = np.full((size, size), 0.02)
    scale = radius / alpha
    for i in range(-4, 5):
        for j in range(-4, 5):
            place = center + turn_matrix(rotation) @ (np.array([i, j]) @ lattice) * scale
            fade = math.exp(-(((i * i + j * j) / 9.0) ** 2))
            disk = np.hypot(x - place[0], y - place[1]) < radius
            image += disk * fade * rng.uniform(0.05, 0.6)
    image = ndimage.gaussian_filter(image, 0.6)
    return rng.poisson(image * 300).astype(np.float32)


@pytest.mark.parametrize(("lattice", "order"), [(SQUARE, 4), (HEXAGON, 6), (ROWS, 2)])
def test_the_rotations_of_a_lattice(lattice, order):
    assert lattice_rotations(lattice) == order


def off_the_lattice(place, center, lattice):
    """Distance of a found node from the nearest true one, radii."""
    scale = place.radius_px / place.convergence_mrad
    steps = (place.node - center) @ turn_matrix(place.rotation) / scale @ np.linalg.inv(lattice)
    return np.linalg.norm((steps - np.rint(steps)) @ lattice) / place.convergence_mrad


@pytest.mark.parametrize("lattice", [SQUARE, HEXAGON, ROWS], ids=["square", "hexagon", "rows"])
@pytest.mark.parametrize(("alpha", "radius"), [(5.0, 14.0), (8.0, 20.0)])
def test_place_size_and_rotation_come_from_the_rims(lattice, alpha, radius):
    rotation, center = 0.4, np.array([71.0, 83.0])
    pattern = lattice_pattern(lattice, alpha, radius, rotation, center)
    sizes = sizes_to_try(pattern.shape, alpha, (4.0, 35.0), None)
    best = rim_places(CleanPattern(pattern), lattice, sizes, 4)[0]
    assert best.radius_px == pytest.approx(radius, rel=0.05)
    turn = 2 * math.pi / lattice_rotations(lattice)
    assert abs(math.remainder(best.rotation - rotation, turn)) < math.radians(4)
    assert off_the_lattice(best, center, lattice) < 0.15


def test_the_convergence_angle_comes_along():
    rotation, center = 0.4, np.array([71.0, 83.0])
    pattern = lattice_pattern(SQUARE, 9.0, 18.0, rotation, center)
    sizes = sizes_to_try(pattern.shape, None, (4.0, 35.0), None, likely_px=[18.0])
    places = rim_places(CleanPattern(pattern), SQUARE, sizes, 4)
    assert any(
        place.convergence_mrad == pytest.approx(9.0, rel=0.06)
        and place.radius_px == pytest.approx(18.0, rel=0.06)
        for place in places[:2]
    )


def test_sizes_follow_what_is_known():
    both = sizes_to_try((256, 256), 20.0, (4.0, 35.0), 0.5)
    assert {size.convergence_mrad for size in both} == {20.0}
    assert all(38 < size.radius_px < 42 for size in both)
    scale = sizes_to_try((256, 256), None, (4.0, 35.0), 0.5)
    assert all(size.radius_px == pytest.approx(size.convergence_mrad / 0.5) for size in scale)
    assert min(size.convergence_mrad for size in scale) == pytest.approx(4.0)


def test_the_middle_of_what_is_bright():
    image = np.zeros((50, 80), np.float32)
    image[10:21, 30:41] = 5.0
    assert bright_middle(image) == pytest.approx([35.0, 15.0], abs=0.5)
