"""Simulated patterns as a good detector records them, with their truth."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from pacbed.arrays import Pattern, Tilt
from pacbed.pattern.detector import apply_effects, perfect_detector
from pacbed.pattern.geometry import rotation_matrix
from pacbed.reference.patterns import ReferencePatterns

#: Electrons in a pattern, in turn.
DOSES = (1e5, 1e6, 1e7)
_SIZE = 160
#: Standard deviation of the disk's centre, pixels; of the blur a range.
_CENTER_PX, _BLUR_PX = 1.5, (0.3, 1.0)


@dataclass(frozen=True)
class Recorded:
    """A recorded pattern and what is true of it.

    Attributes
    ----------
    image : ndarray of float32, shape (n, n)
    dose : float
        Electrons in it.
    thickness_nm : float
    tilt : ndarray, shape (2,)
        In the recorded pattern, mrad.
    """

    image: Pattern
    dose: float
    thickness_nm: float
    tilt: Tilt


def record(
    simulated: ReferencePatterns, index: int, tilt: Tilt, dose: float, rng: np.random.Generator
) -> Recorded:
    """Turn, resize and move a simulated pattern at random, and count its electrons.

    Parameters
    ----------
    simulated : ReferencePatterns
    index : int
        Of its thicknesses.
    tilt : ndarray, shape (2,)
        As simulated, mrad.
    dose : float
    rng : Generator
    """
    frame = simulated.patterns[index]
    step = np.array(simulated.mrad_per_pixel[::-1])
    # As large as the simulated field allows: no pixel lies outside of it.
    reach = float(min(np.array(frame.shape[::-1]) / 2 * step - step))
    turn = rotation_matrix(rng.uniform(-180, 180))
    scale = 2 * reach / _SIZE * rng.uniform(0.92, 1.0)
    center = (_SIZE - 1) / 2 + rng.normal(0, _CENTER_PX, 2)
    x, y = np.meshgrid(np.arange(_SIZE) - center[0], np.arange(_SIZE) - center[1])
    place = np.stack([x, y], axis=-1) * scale @ turn / step
    rows, columns = frame.shape
    image = map_coordinates(
        frame, [place[..., 1] + rows // 2, place[..., 0] + columns // 2], order=3, mode="nearest"
    )
    effects = perfect_detector(
        1, dose=dose, blur_px=rng.uniform(*_BLUR_PX), read_noise=0.005, offset=0.02
    )
    recorded = apply_effects(np.maximum(image, 0)[None], effects, rng)[0]
    return Recorded(recorded, dose, float(simulated.thicknesses_nm[index]), turn @ tilt)
