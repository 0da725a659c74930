"""From fits to error bars and a status: what has been calibrated, and how it is used.

A fit's own errors cover the noise. What the model leaves out (phonon background, gain
curve, inelastic blur) shows only against another engine: its size is measured on
frozen-phonon patterns (``benchmarks/calibrate.py``) and stored in the bundle.
"""

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class Calibration:
    """Measured errors and thresholds of a bundle.

    Attributes
    ----------
    thickness_scale : float
        Factor on the fit's own error of the thickness.
    thickness_floor_nm : float
        Error that the model leaves at any dose, nm.
    thickness_relative : float
        The same as a share of the thickness.
    tilt_scale, tilt_floor_mrad : float
        The same for a component of the tilt.
    tail : float
        Half width of the 95 % interval over the standard error; 1.96 for a Gaussian.
    mismatch : float
        Structured residual above which a pattern is not of this system.
    calibrated : float
        1 where the numbers were measured for this bundle, 0 for the defaults.
    """

    thickness_scale: float = 1.5
    thickness_floor_nm: float = 0.4
    thickness_relative: float = 0.005
    tilt_scale: float = 1.5
    tilt_floor_mrad: float = 0.06
    tail: float = 2.2
    mismatch: float = 0.5
    calibrated: float = 0.0

    @classmethod
    def from_dict(cls, values: dict[str, float]) -> "Calibration":
        """Take what a bundle stores; the rest stays at its default."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def thickness_std(self, fit_std_nm: float, thickness_nm: float) -> float:
        """Standard error of the thickness, nm."""
        parts = (
            self.thickness_scale * fit_std_nm,
            self.thickness_floor_nm,
            self.thickness_relative * thickness_nm,
        )
        return float(np.sqrt(sum(part**2 for part in parts)))

    def tilt_std(self, fit_std_mrad: float) -> float:
        """Standard error of a component of the tilt, mrad."""
        return float(np.hypot(self.tilt_scale * fit_std_mrad, self.tilt_floor_mrad))
