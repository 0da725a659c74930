"""How far around the bright-field disk a pattern is worth recording and looking at."""

import numpy as np

from pacbed.arrays import Matrix

#: A single small disk says little of a crystal. So far from its centre patterns are looked at,
#: mrad, and at least to where the first disks around it are seen to this share of their radius.
_LEAST_MRAD, _OF_NEIGHBOURS = 13.0, 0.6
#: Never more semi-angles than this.
_MOST = 3.4


def worth_mrad(lattice_mrad: Matrix, convergence_mrad: float) -> float:
    """Radius around the disk's centre that says something of the crystal, mrad.

    It is more than the disk with its edge where the aperture is small.

    Parameters
    ----------
    lattice_mrad : ndarray, shape (2, 2)
        Short reciprocal lattice vectors as rows, mrad.
    convergence_mrad : float
        Convergence semi-angle.
    """
    second = float(np.linalg.norm(lattice_mrad, axis=1).max())
    far = max(_LEAST_MRAD, second + _OF_NEIGHBOURS * convergence_mrad)
    return min(far, _MOST * convergence_mrad)
