"""Training frames of the finder: patterns of the bank in every pose, as a detector records them."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from pacbed.arrays import Numbers, Patterns
from pacbed.learn.finder.bank import PatternImages
from pacbed.pattern.detector import apply_effects, draw_effects
from pacbed.pattern.finder_frame import FRAME_APERTURE_PX, FRAME_SIZE, HALF_FIELD, normalised
from pacbed.pattern.geometry import turn_matrix

#: Share of frames that show a whole pattern, where the disk is anywhere and of any size; the
#: others are second looks around a disk that was found.
_WHOLE = 0.5
#: Logarithm of the disk's radius in frame radii in a whole pattern.
_WHOLE_SIZES = (np.log(0.16), np.log(1.15))
#: Spread of a second look: logarithm of the radius, centre in radii.
_SECOND_SIZE, _SECOND_SHIFT = 0.14, 0.16
_ELLIPSE = 0.012
_DOSE = (1e5, 1e8)
#: Images end here softly, semi-angles before the end of what was simulated.
_TAPER = 0.4
#: Share of frames that the pattern's edge cuts.
_CUT = 0.3


@dataclass(frozen=True)
class Frames:
    """Frames and what is right for them.

    Attributes
    ----------
    images : ndarray of float32, shape (B, FRAME_SIZE, FRAME_SIZE)
        Normalised.
    truth : ndarray of float32, shape (B, 5)
        Centre (x, y) of the disk from the frame's middle and logarithm of its radius, in
        frame radii; ellipticity a, b.
    """

    images: Patterns
    truth: Numbers


def draw_frames(bank: list[PatternImages], count: int, rng: np.random.Generator) -> Frames:
    """Draw `count` training frames."""
    images = np.empty((count, FRAME_SIZE, FRAME_SIZE), np.float32)
    truth = np.empty((count, 5), np.float32)
    radii = np.empty(count)
    for number in range(count):
        one = bank[rng.integers(len(bank))]
        truth[number] = _draw_pose(one, rng)
        images[number] = _cut_frame(one, truth[number], rng)
        radii[number] = FRAME_APERTURE_PX * np.exp(truth[number, 2])
    images /= np.maximum(images.mean(axis=(1, 2), keepdims=True), 1e-9)
    # Widths of the effects follow each disk's own radius.
    effects = draw_effects(count, radii, _DOSE, rng)  # type: ignore[arg-type]
    recorded = apply_effects(images, effects, rng)
    return Frames(normalised(recorded), truth)


def _draw_pose(one: PatternImages, rng: np.random.Generator) -> Numbers:
    ellipse = rng.normal(0, _ELLIPSE, 2)
    if rng.random() < _WHOLE:
        smallest = max(_WHOLE_SIZES[0], np.log(0.7 * HALF_FIELD / one.field))
        size = rng.uniform(min(smallest, _WHOLE_SIZES[1]), _WHOLE_SIZES[1])
        # The disk's centre lies on the detector, mostly well inside.
        room = max(0.1, HALF_FIELD - 0.7 * np.exp(size))
        center = np.clip(rng.normal(0, 0.35, 2), -1, 1) * room
    else:
        size = float(rng.normal(0, _SECOND_SIZE))
        center = rng.normal(0, _SECOND_SHIFT, 2)
    return np.array([*center, size, *ellipse], np.float32)


def _cut_frame(one: PatternImages, pose: Numbers, rng: np.random.Generator) -> Numbers:
    x, y, size, a, b = (float(value) for value in pose)
    axis = (np.arange(FRAME_SIZE) - (FRAME_SIZE - 1) / 2) / FRAME_APERTURE_PX
    columns, rows = axis, axis
    if rng.random() < _CUT:
        # Beyond the array's edges the last pixels repeat.
        low, high = -rng.uniform(0.9, 1.8, 2), rng.uniform(0.9, 1.8, 2)
        columns, rows = np.clip(axis, low[0], high[0]), np.clip(axis, low[1], high[1])
    grid = np.stack(np.meshgrid(columns - x, rows - y), axis=-1)
    distortion = np.array([[1 + a, b], [b, 1 - a]])
    scale = one.convergence_mrad / np.exp(size)
    matrix = turn_matrix(rng.uniform(0, 2 * np.pi)) @ distortion * scale
    mirror = np.diag([1.0, rng.choice([-1.0, 1.0])])
    angle = grid @ (mirror @ matrix).T
    index = angle @ np.linalg.inv(one.lattice) + one.center
    image = one.images[rng.integers(len(one.images))].astype(np.float32)
    values = map_coordinates(image, [index[..., 0], index[..., 1]], order=1, mode="constant")
    distance = np.linalg.norm(angle, axis=-1) / one.convergence_mrad
    faded: Numbers = values * np.clip((one.field - distance) / _TAPER, 0, 1)
    return faded
