"""How the patterns of one session lie on the detector: the record that later answers take."""

import math
from dataclasses import dataclass

from pacbed.errors import OutOfRangeError

#: High tensions that differ by less than this share are the same.
_SAME_HIGH_TENSION = 0.02
#: Differences that are worth a word, relative.
_OTHER = 0.02
#: The fit follows a distortion up to this.
_LARGEST_ELLIPTICITY = 0.07


@dataclass(frozen=True)
class Pattern:
    """One of the patterns that a microscope was calibrated with.

    Attributes
    ----------
    file : str
        Name of its file.
    left_out : str
        Why it was left out; empty where it was used.
    """

    file: str
    left_out: str = ""


@dataclass(frozen=True)
class Microscope:
    """How one session recorded its patterns, as patterns of a known crystal show it.

    Attributes
    ----------
    high_tension_kV : float
        Accelerating voltage that it was found at, kV.
    convergence_mrad, convergence_std_mrad : float
        Convergence semi-angle and its standard error, mrad.
    mrad_per_pixel, mrad_per_pixel_std : float
        Angle per pixel of the patterns as recorded, and its standard error, mrad.
    ellipticity : float
        How far disks are from round: the long axis is (1 + e) / (1 − e) times the short one.
    ellipticity_direction_deg : float
        Of the long axis, from +x (columns) towards +y (rows, downwards), degrees, −90 to 90.
    ellipticity_std : float
        Standard error of a component of the ellipticity.
    rotation_deg, rotation_std_deg : float or None
        Rotation of the crystal against the pattern and its standard error, degrees; None where
        the patterns do not agree, as of several grains. It is of the crystal, not of the
        microscope: answers do not use it.
    system : str
        Name of the system that the patterns are of.
    date : str
        When it was found, in the words of ISO 8601.
    patterns : tuple of Pattern
        What it was found from.

    Raises
    ------
    OutOfRangeError
        If a number makes no sense.
    """

    high_tension_kV: float
    convergence_mrad: float
    convergence_std_mrad: float
    mrad_per_pixel: float
    mrad_per_pixel_std: float
    ellipticity: float = 0.0
    ellipticity_direction_deg: float = 0.0
    ellipticity_std: float = 0.001
    rotation_deg: float | None = None
    rotation_std_deg: float | None = None
    system: str = ""
    date: str = ""
    patterns: tuple[Pattern, ...] = ()

    def __post_init__(self) -> None:
        for name in ("high_tension_kV", "convergence_mrad", "mrad_per_pixel"):
            _check(name, getattr(self, name), 0 < getattr(self, name) < math.inf, "above 0")
        errors = {
            "convergence_std_mrad": self.convergence_mrad,
            "mrad_per_pixel_std": self.mrad_per_pixel,
            "ellipticity_std": 1.0,
        }
        for name, most in errors.items():
            value = getattr(self, name)
            _check(name, value, 0 < value < most, f"above 0 and below {most:g}")
        fits = 0 <= self.ellipticity <= _LARGEST_ELLIPTICITY
        _check("ellipticity", self.ellipticity, fits, f"0 to {_LARGEST_ELLIPTICITY:g}")
        for name in ("ellipticity_direction_deg", "rotation_deg", "rotation_std_deg"):
            value = getattr(self, name)
            _check(name, value, value is None or abs(value) <= 360, "an angle in degrees")

    @property
    def distortion(self) -> tuple[float, float]:
        """a, b of the matrix 1 + [[a, b], [b, −a]] that makes disks round."""
        # It stretches across the long axis.
        twice = 2 * math.radians(self.ellipticity_direction_deg + 90)
        return self.ellipticity * math.cos(twice), self.ellipticity * math.sin(twice)

    def is_at(self, high_tension_kV: float | None) -> bool:
        """Whether a high tension in kV is the one that it was found at, as far as it is known."""
        if high_tension_kV is None:
            return True
        return abs(high_tension_kV - self.high_tension_kV) <= _SAME_HIGH_TENSION * high_tension_kV

    def other_high_tension(self, high_tension_kV: float | None) -> str:
        """Words for a system of another high tension in kV."""
        return (
            f"the microscope was calibrated at {self.high_tension_kV:g} kV, the system is for "
            f"{high_tension_kV:g} kV: the calibration was not used"
        )

    def contradictions(self, convergence_mrad: float, mrad_per_pixel: float) -> tuple[str, ...]:
        """Words for what patterns show otherwise, both in mrad."""
        said = "the microscope's calibration says"
        words = []
        if abs(convergence_mrad / self.convergence_mrad - 1) > _OTHER:
            words.append(
                f"{said} a convergence semi-angle of {self.convergence_mrad:.4g} mrad; the "
                f"patterns say {convergence_mrad:.2f}"
            )
        if abs(mrad_per_pixel / self.mrad_per_pixel - 1) > _OTHER:
            words.append(
                f"{said} {self.mrad_per_pixel:.4g} mrad per pixel; the patterns say "
                f"{mrad_per_pixel:.4g}"
            )
        return tuple(words)


def ellipse_of(distortion: tuple[float, float]) -> tuple[float, float]:
    """Size and direction (degrees, of the long axis) of the ellipse that a distortion mends."""
    a, b = distortion
    direction = math.degrees(math.atan2(b, a)) / 2 + 90
    return math.hypot(a, b), (direction + 90) % 180 - 90


def _check(name: str, value: float | None, fits: bool, wanted: str) -> None:
    if not fits:
        raise OutOfRangeError(f"{name} is {value}: it must be {wanted}")
