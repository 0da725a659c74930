"""Patterns of made-up lattices by the two-beam formula: cheap, and each of another crystal.

They are not right, but their disks, overlaps, fringes and lines look as those of a crystal do,
and what the finder learns from them cannot depend on one. For a beam g and a direction k from
the zone axis (Hirsch et al., Electron Microscopy of Thin Crystals, 1965, chapter 8)

    P_g = τ² sin²(π √(x² + τ²)) / (x² + τ²),   x = s t,   τ = t / ξ_g

with the excitation error s ∝ 2 k·g + g²; the central disk has what the others leave.
"""

import numpy as np

from pacbed.arrays import Matrix, Numbers
from pacbed.learn.finder.bank import PatternImages

#: Thicknesses of one lattice.
_THICKNESSES = 6
#: Shortest vector of the reciprocal lattice, and radius of the images, semi-angles.
_SPACING, _FIELD = (0.22, 4.0), (1.8, 7.0)
#: Beams of a lattice at most: those that reach the images.
_MOST_BEAMS = 160
#: Steps of the images in one semi-angle.
_STEPS = 11
#: Fringes across the aperture for the shortest vector, and t / ξ of the strongest beam.
_FRINGES, _STRENGTH = (0.03, 6.0), (0.1, 4.0)
_WIDEST_TILT = 1.0


def made_up(number: int, seed: int) -> PatternImages:
    """Patterns of made-up lattice `number` of a seed, in units of its aperture."""
    rng = np.random.default_rng((seed, 2, number))
    spacing = float(np.exp(rng.uniform(*np.log(_SPACING))))
    reciprocal = spacing * _lattice(rng)
    field = float(np.clip(rng.uniform(*_FIELD), None, max(_FIELD[0], 5 * spacing)))
    beams = _beams(reciprocal, field)
    tilt = _WIDEST_TILT * rng.random() ** 0.5 * _direction(rng)
    axis = np.arange(-int(field * _STEPS), int(field * _STEPS) + 1) / _STEPS
    q = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    scale = float(np.exp(rng.uniform(*np.log(_FRINGES)))) / spacing
    decay = float(np.exp(rng.uniform(np.log(0.8), np.log(5.0))))
    # Beams of one lattice are not alike: structure factors differ, some vanish.
    own = np.where(rng.random(len(beams)) < 0.2, 0.05, np.exp(rng.normal(0, 0.4, len(beams))))
    strength = own * np.exp(-(np.linalg.norm(beams, axis=1) ** 2) / (2 * decay**2))
    images = np.zeros((_THICKNESSES, *q.shape[:2]), np.float32)
    for n in range(_THICKNESSES):
        depth = float(np.exp(rng.uniform(np.log(0.3), 0.0)))
        tau = depth * float(np.exp(rng.uniform(*np.log(_STRENGTH)))) * strength
        images[n] = _pattern(q, beams, tilt, tau, depth * scale)
    images /= np.maximum(images.max(axis=(1, 2), keepdims=True), 1e-9)
    center = np.full(2, float(int(field * _STEPS)))
    return PatternImages(images.astype(np.float16), np.eye(2) / _STEPS, center, 1.0, field)


def _pattern(q: Numbers, beams: Numbers, tilt: Numbers, tau: Numbers, scale: float) -> Numbers:
    """Sum over the disks of all beams, at directions q from the disk's centre, shape (n, n)."""
    total = np.zeros(q.shape[:2], np.float32)
    strongest = np.argsort(-tau)[:14]
    for number in range(-1, len(beams)):
        g = np.zeros(2) if number < 0 else beams[number]
        incident = q - g
        # The share of each cell that the aperture lets through.
        through = np.clip((1 - np.linalg.norm(incident, axis=-1)) * _STEPS + 0.5, 0, 1)
        inside = through > 0
        if not inside.any():
            continue
        k = incident[inside] - tilt
        if number >= 0:
            total[inside] += through[inside] * _two_beam(k, g, float(tau[number]), scale)
            continue
        left = np.ones(len(k))
        for other in strongest:
            left *= 1 - 0.8 * _two_beam(k, beams[other], float(tau[other]), scale)
        total[inside] += through[inside] * left
    return total


def _two_beam(k: Numbers, g: Numbers, tau: float, scale: float) -> Numbers:
    x = scale * (2 * k @ g + g @ g)
    root = np.sqrt(x**2 + tau**2) + 1e-9
    intensity: Numbers = (tau * np.sin(np.pi * root) / root) ** 2
    return intensity


def _lattice(rng: np.random.Generator) -> Matrix:
    """Two vectors, the first of length 1."""
    kind = rng.integers(4)
    ratio = 1.0 if kind < 2 else float(rng.uniform(1.0, 2.5))
    angle = (90.0, 60.0, 90.0, float(rng.uniform(60, 90)))[kind]
    second = ratio * np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    return np.array([[1.0, 0.0], second])


def _beams(reciprocal: Matrix, field: float) -> Numbers:
    """Reciprocal lattice points but the origin that reach the images, the nearest first."""
    reach = int((field + 1) / np.linalg.norm(reciprocal, axis=1).min() / 0.8) + 1
    index = np.arange(-min(reach, 14), min(reach, 14) + 1)
    points = np.stack(np.meshgrid(index, index, indexing="ij"), axis=-1).reshape(-1, 2) @ reciprocal
    length = np.linalg.norm(points, axis=1)
    order = np.argsort(length)
    kept = order[(length[order] > 1e-9) & (length[order] <= field + 1)][:_MOST_BEAMS]
    chosen: Numbers = points[kept]
    return chosen


def _direction(rng: np.random.Generator) -> Numbers:
    azimuth = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(azimuth), np.sin(azimuth)])
