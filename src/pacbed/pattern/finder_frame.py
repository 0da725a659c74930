"""The frame in which the finder sees a pattern, and the form of its answer."""

import numpy as np

from pacbed.arrays import Patterns

#: Pixels along one side, and those of one frame radius: a frame shows HALF_FIELD radii to
#: every side.
FRAME_SIZE, HALF_FIELD = 64, 1.8
FRAME_APERTURE_PX = FRAME_SIZE / 2 / HALF_FIELD
#: Disks that one look gives. Of each: weight, centre x, y, logarithm of the radius, logarithms
#: of the errors of both.
COMPONENTS, VALUES = 4, 6
#: Brighter than so many standard deviations is not told apart.
_BRIGHTEST = 6.0


def normalised(frames: Patterns) -> Patterns:
    """Frames of mean 0 and variance 1, which takes off the detector's gain and offset.

    Parameters
    ----------
    frames : ndarray of float32, shape (B, FRAME_SIZE, FRAME_SIZE)
    """
    mean = frames.mean(axis=(1, 2), keepdims=True)
    spread = frames.std(axis=(1, 2), keepdims=True)
    scaled: Patterns = np.clip(
        (frames - mean) / np.maximum(spread, 1e-12), -_BRIGHTEST, _BRIGHTEST
    ).astype(np.float32)
    return scaled
