"""What a kernel finds for some directions: the beams that are asked for, and what is lost."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pacbed.arrays import Singles

Waves = NDArray[np.complex64]


@dataclass(frozen=True)
class Intensities:
    """Intensities of T + 1 thicknesses, R beams and K directions.

    Attributes
    ----------
    beams : ndarray of float32, shape (T + 1, R, K)
        P_g(k; t).
    lost : ndarray of float32, shape (T + 1, K)
        Share of the electrons that phonons have taken, 1 − Σ_g P_g(k; t) over all beams.
    """

    beams: Singles
    lost: Singles


def lost_share(wave: Waves) -> Singles:
    """What waves of 1 have lost, shape (K,), from their beams, complex64, shape (N, K)."""
    parts = wave.view(np.float32).reshape(*wave.shape, 2)
    lost: Singles = 1 - np.einsum("nki,nki->k", parts, parts)
    return lost
