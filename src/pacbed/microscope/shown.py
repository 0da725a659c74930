"""What one fitted pattern shows of the microscope that recorded it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """What one pattern shows, with the standard errors that differ from pattern to pattern.

    What the model of all patterns leaves alike is for :mod:`pacbed.microscope.combine` to add.

    Attributes
    ----------
    convergence_mrad, convergence_std_mrad : float
        Convergence semi-angle, mrad.
    mrad_per_pixel, mrad_per_pixel_std : float
    distortion : tuple of float
        a, b of the matrix 1 + [[a, b], [b, −a]] that makes disks round, without what was known
        of it beforehand.
    distortion_std : float
        Of a component.
    rotation_deg, rotation_std_deg : float
        Of the crystal's x axis from +x towards +y of the pattern.
    period_deg : float
        Turned by this, the crystal looks the same.
    """

    convergence_mrad: float
    convergence_std_mrad: float
    mrad_per_pixel: float
    mrad_per_pixel_std: float
    distortion: tuple[float, float]
    distortion_std: float
    rotation_deg: float
    rotation_std_deg: float
    period_deg: float
