"""What arrays hold: names for their types, with shape and unit.

A signature says with them what an array is, and the type checker follows. Shapes are in the
order of the axes; (x, y) is always column and row, as everywhere in the project. Real numbers
are in double precision where not said otherwise.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pattern: TypeAlias = NDArray[np.float32]
"""Intensity of one pattern, shape (rows, columns), in any unit."""

Patterns: TypeAlias = NDArray[np.float32]
"""Intensities of several patterns or frames, shape (B, rows, columns)."""

Counts: TypeAlias = NDArray[np.number | np.bool_]
"""What was recorded, of any real type, shape (..., rows, columns)."""

Tilt: TypeAlias = NDArray[np.floating]
"""Tilt (x, y) of one crystal, mrad, shape (2,)."""

Tilts: TypeAlias = NDArray[np.floating]
"""Tilts (x, y), mrad, shape (..., 2)."""

Angles: TypeAlias = NDArray[np.floating]
"""Angles, mrad: directions (x, y), shape (..., 2), or one for each pattern, shape (B,)."""

Vectors: TypeAlias = NDArray[np.floating]
"""Vectors (x, y), shape (..., 2): wave vectors in 1/Å, positions in a cell, unit vectors."""

Matrix: TypeAlias = NDArray[np.floating]
"""One matrix on column vectors (x, y), shape (2, 2); lattice vectors as its rows."""

Matrices: TypeAlias = NDArray[np.floating]
"""Several of them, shape (m, 2, 2)."""

Pixels: TypeAlias = NDArray[np.floating]
"""Places (x, y) on a detector, pixels, shape (..., 2)."""

Thicknesses: TypeAlias = NDArray[np.floating]
"""Thicknesses in ascending order, nm, shape (T,)."""

Probabilities: TypeAlias = NDArray[np.floating]
"""Shares that sum up to 1 along the last axis, shape (..., bins)."""

Numbers: TypeAlias = NDArray[np.floating]
"""Other numbers; the docstring says shape and unit."""

Singles: TypeAlias = NDArray[np.float32]
"""The same in single precision, where there are many."""

Complexes: TypeAlias = NDArray[np.complexfloating]
"""Complex numbers: waves and Fourier coefficients."""

Indices: TypeAlias = NDArray[np.integer]
"""Whole numbers: places in other arrays, steps of a lattice, reflections."""

Mask: TypeAlias = NDArray[np.bool_]
"""Which entries count."""

Codes: TypeAlias = NDArray[np.uint8]
"""Statuses of windows, shape (rows, columns); see :mod:`pacbed.maps.layers`."""
