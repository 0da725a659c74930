"""What a reader returns: one pattern and what its file says about it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Metadata:
    """What a file says about the conditions of the recording.

    Every number is None where the file does not give it.

    Attributes
    ----------
    high_tension_kV : float or None
        Accelerating voltage in kV.
    convergence_mrad : float or None
        Convergence semi-angle in mrad.
    mrad_per_pixel : float or None
        Angle per pixel in mrad; only from an axis that is calibrated as an angle,
        or as a spatial frequency with the voltage known; None where rows and columns
        differ by more than 1 %.
    mrad_per_pixel_axes : tuple of float or None
        The same of rows and of columns, also where they differ; then
        `mrad_per_pixel` is None.
    camera_length_mm : float or None
        Nominal camera length in mm.
    stage_alpha_deg, stage_beta_deg : float or None
        Angles of the stage in degrees; only where the file has both.
    extra : dict
        Further entries worth showing (title, date, microscope), as plain strings.
    """

    high_tension_kV: float | None = None
    convergence_mrad: float | None = None
    mrad_per_pixel: float | None = None
    mrad_per_pixel_axes: tuple[float, float] | None = None
    camera_length_mm: float | None = None
    stage_alpha_deg: float | None = None
    stage_beta_deg: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def pixel_aspect(self) -> float | None:
        """Angle per row over angle per column; None where the file does not give both."""
        if self.mrad_per_pixel_axes is None:
            return None
        rows, columns = self.mrad_per_pixel_axes
        return rows / columns


@dataclass(frozen=True)
class Measurement:
    """One measured pattern.

    Attributes
    ----------
    data : ndarray
        Float32 array of shape (rows, columns), indexed [row, column].
    path : Path
        File that it was read from.
    metadata : Metadata
        What the file says about the recording.
    frames : int
        How many frames the file holds, of which this is one.
    pixel_mask : ndarray of bool, shape (rows, columns), or None
        True where a pixel of the detector says nothing, as the file says; None where it says
        nothing of that.
    """

    data: NDArray[np.float32]
    path: Path
    metadata: Metadata = field(default_factory=Metadata)
    frames: int = 1
    pixel_mask: NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)

    def silent(self, mask: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
        """The pixels that say nothing, by the file or by a mask beside it.

        Parameters
        ----------
        mask : ndarray of bool or None
            Of the pattern's shape; of another one, it is given as it is, for the check that
            follows.
        """
        if mask is None or self.pixel_mask is None or mask.shape != self.pixel_mask.shape:
            return self.pixel_mask if mask is None else mask
        return mask | self.pixel_mask
