"""From fits to error bars and a status: what has been calibrated, and how it is used.

A fit's own errors cover the noise. What the model leaves out (phonon background, gain
curve, inelastic blur) shows only against another engine: its size is measured on
frozen-phonon patterns (``benchmarks/calibrate.py``) and stored in the bundle.

Whether a pattern is of the system at all is judged by several figures of the fit and
the networks together. Each is brought to the mean and width that it has for right
patterns; their sum is the *doubt*.
"""

import math
from dataclasses import dataclass, field, fields, replace

import numpy as np

from pacbed.arrays import Numbers


@dataclass(frozen=True)
class Evidence:
    """What speaks for or against a pattern being of the system.

    Attributes
    ----------
    structured_residual : float
        Share of the contrast inside the disk that the fit leaves, without the noise.
    residual : float
        Share of the whole pattern's variance that the fit leaves.
    tilt_error_mrad : float or None
        How sure the reader is of the tilt; None where none was asked.
    thickness_std_nm : float or None
        The fit's own error of the thickness; None where it says nothing of the crystal.
    convergence_shift : float or None
        Logarithm of the convergence semi-angle found over the one given; None where none was.
    """

    structured_residual: float
    residual: float
    tilt_error_mrad: float | None
    thickness_std_nm: float | None
    convergence_shift: float | None = None

    def figures(self) -> Numbers:
        """Logarithms of the figures, so that a factor counts the same anywhere, (4,).

        What there is no evidence of is not a number.
        """
        return np.array(
            [
                np.log(self.structured_residual + 0.02),
                np.log(self.residual + 0.01),
                np.nan if self.tilt_error_mrad is None else np.log(self.tilt_error_mrad + 1e-3),
                np.nan if self.thickness_std_nm is None else np.log(self.thickness_std_nm + 0.05),
            ]
        )


#: Below this probability of the best solution the thickness is called ambiguous.
CLEAR = 0.7
#: A fainter contrast, over the mean intensity, is no more than what the model leaves out: such
#: patterns are of thin crystals, and several thicknesses and tilts explain them.
FAINT = 0.02
#: How far beyond the largest mistilt an answer may lie, relative.
TILT_SLACK = 1.05
#: An error above this, and this share of the thickness, leaves the thickness open.
_WIDEST_NM, _WIDEST_SHARE = 1.2, 0.02
#: An error of the tilt's components above this leaves open how the crystal lies, and with it, as
#: only crystals of some nm have one, what its thickness is; mrad.
_WIDEST_TILT_MRAD = 0.5


def thin_angle_std(thickness_nm: float) -> float:
    """Error that the model leaves the angles of a thin crystal's pattern, as a logarithm.

    It falls with the square of the thickness, as that of the tilt does: the pattern of a thin
    crystal says little of the lattice, which fixes all angles.
    """
    return _THIN_ANGLE * (10 / max(thickness_nm, _THINNEST_NM)) ** 2


def thinnest(thickness_nm: float) -> float:
    """How the errors of the thinnest crystals fall with the thickness: 1 at 5 nm."""
    return (5 / max(thickness_nm, _THINNEST_NM)) ** 4


def leaves_open(thickness_std_nm: float, thickness_nm: float) -> bool:
    """Whether an error is so wide that the thickness is called ambiguous."""
    return thickness_std_nm > _WIDEST_NM + _WIDEST_SHARE * thickness_nm


def leaves_tilt_open(tilt_std_mrad: float) -> bool:
    """Whether an error of the tilt is so wide that the answer is called ambiguous."""
    return tilt_std_mrad > _WIDEST_TILT_MRAD


#: Mean and width of the figures for right patterns of the shipped systems.
_CENTERS = (-2.86, -3.75, -2.61, -1.66)
_WIDTHS = (0.56, 0.47, 0.47, 0.43)
#: Below this thickness the error of the tilt grows no more, nm.
_THINNEST_NM = 3.0
#: How much of the model's error of a thin crystal's tilt is left where the geometry is known.
_THIN_SHARE = 0.4
#: The convergence semi-angle's error over the fit's own, and what the model leaves it at any
#: dose, as a share of it: measured on frozen phonons.
_ANGLE_SCALE, _ANGLE_FLOOR = 1.4, 0.003
#: What it leaves all angles of a crystal 10 nm thick (``benchmarks/sessions.py``).
_THIN_ANGLE = 0.012
#: How far off a given convergence semi-angle may be, as a logarithm: beyond, it is the crystal or
#: the high tension that is another, and so much doubt is added.
FARTHEST_ANGLE = 0.119
_ANOTHER = 20.0
#: A figure that is better than usual speaks only so much against the others, in widths.
_LARGEST_CREDIT = 2.0


def _scaled(std: float, noise_share: float, noise: float, rest: float | None) -> float:
    """A fit's own error with a factor on the part that is noise and one on the rest."""
    rest = noise if rest is None else rest
    return std * math.sqrt(noise_share * noise**2 + (1 - noise_share) * rest**2)


@dataclass(frozen=True)
class Calibration:
    """Measured errors and thresholds of a bundle.

    Attributes
    ----------
    thickness_scale : float
        Factor on the part of the fit's own error of the thickness that the electrons' noise makes.
    thickness_rest : float or None
        Factor on the rest of it, which is residuals that neighbours share: what the model lacks
        looks like noise to a fit, but does not fall with the dose. None is the same factor.
    thickness_floor_nm : float
        Error that the model leaves at any dose, nm.
    thickness_relative : float
        The same as a share of the thickness.
    tilt_scale, tilt_rest, tilt_floor_mrad : float
        The same for a component of the tilt.
    tilt_thin_mrad : float
        Error that the model leaves a component of the tilt of a crystal 10 nm thick;
        it falls with the square of the thickness. A thin crystal's pattern changes
        little with tilt, so that what the model leaves out weighs more.
    thickness_thinnest_nm, tilt_thinnest_mrad : float
        What the model leaves thickness and a component of the tilt of a crystal 5 nm thick beside
        that, any dose; it falls with the fourth power of the thickness. Measured on all shipped
        systems together, as each has few patterns that thin (``benchmarks/thin_crystals.py``).
    tail : float
        Half width of the 95 % interval over the standard error; 1.96 for a Gaussian.
    doubt_centers, doubt_widths : tuple of float
        Mean and width of the figures of :class:`Evidence` for right patterns.
    mismatch : float
        Doubt above which a pattern is not of this system.
    calibrated : bool
        Whether the numbers were measured for this bundle. The others are wide: they hold more
        than they promise of 39 crystals that nothing was fitted to, which were no thicker than
        20 nm (``benchmarks/prior_coverage.py``).
    """

    thickness_scale: float = 1.2
    thickness_rest: float | None = None
    thickness_floor_nm: float = 0.15
    thickness_relative: float = 0.005
    tilt_scale: float = 1.2
    tilt_rest: float | None = None
    tilt_floor_mrad: float = 0.05
    tilt_thin_mrad: float = 0.2
    thickness_thinnest_nm: float = 0.12
    tilt_thinnest_mrad: float = 0.5
    tail: float = 2.2
    doubt_centers: tuple[float, ...] = field(default=_CENTERS)
    doubt_widths: tuple[float, ...] = field(default=_WIDTHS)
    mismatch: float = 9.0
    calibrated: bool = False

    @classmethod
    def from_dict(cls, values: dict[str, float | list[float]]) -> "Calibration":
        """Take what a bundle stores; the rest stays at its default."""
        known = {f.name for f in fields(cls)}
        # Bundles made before the convergence angle was free hold a figure more, of its change.
        given: dict[str, object] = {
            name: tuple(value[: len(_CENTERS)]) if isinstance(value, list) else value
            for name, value in values.items()
            if name in known
        }
        return cls(**{**given, "calibrated": bool(values.get("calibrated"))})  # type: ignore[arg-type]

    def with_known_geometry(self) -> "Calibration":
        """The same for fits of thickness and tilt alone, as in a scan that shares its geometry.

        The factors on the fit's own errors stand for what scale, rotation and convergence
        angle take up in the fit of a single pattern; without these, errors over the fit's
        own came out at 1 (``benchmarks/phonon_wedge.py``, 500 electrons per position).
        """
        return replace(
            self,
            thickness_scale=1.0,
            tilt_scale=1.0,
            tilt_thin_mrad=_THIN_SHARE * self.tilt_thin_mrad,
            thickness_thinnest_nm=_THIN_SHARE * self.thickness_thinnest_nm,
            tilt_thinnest_mrad=_THIN_SHARE * self.tilt_thinnest_mrad,
        )

    def thickness_std(
        self, fit_std_nm: float, thickness_nm: float, noise_share: float = 1.0
    ) -> float:
        """Standard error of the thickness, nm.

        Parameters
        ----------
        fit_std_nm : float
            The fit's own.
        thickness_nm : float
        noise_share : float
            Share of its variance that the electrons' noise makes, 0..1.
        """
        parts = (
            _scaled(fit_std_nm, noise_share, self.thickness_scale, self.thickness_rest),
            self.thickness_floor_nm,
            self.thickness_relative * thickness_nm,
            self.thickness_thinnest_nm * thinnest(thickness_nm),
        )
        return float(np.sqrt(sum(part**2 for part in parts)))

    def tilt_std(self, fit_std_mrad: float, thickness_nm: float, noise_share: float = 1.0) -> float:
        """Standard error of a component of the tilt, mrad; see :meth:`thickness_std`."""
        thin = self.tilt_thin_mrad * (10 / max(thickness_nm, _THINNEST_NM)) ** 2
        own = _scaled(fit_std_mrad, noise_share, self.tilt_scale, self.tilt_rest)
        parts = (own, self.tilt_floor_mrad, thin, self.tilt_thinnest_mrad * thinnest(thickness_nm))
        return float(np.sqrt(sum(part**2 for part in parts)))

    def convergence_std(
        self, fit_std_mrad: float, convergence_mrad: float, thickness_nm: float
    ) -> float:
        """Standard error of the convergence semi-angle, mrad."""
        floor = math.hypot(_ANGLE_FLOOR, thin_angle_std(thickness_nm))
        return math.hypot(_ANGLE_SCALE * fit_std_mrad, floor * convergence_mrad)

    def doubt(self, evidence: Evidence) -> float:
        """Sum of how far the evidence lies beyond that of right patterns, in widths."""
        doubt = float(self.doubts(evidence.figures()[None])[0])
        another = abs(evidence.convergence_shift or 0.0) > FARTHEST_ANGLE
        return doubt + _ANOTHER if another else doubt

    def doubts(self, figures: Numbers) -> Numbers:
        """The same of many figures, shape (n, 4), whose convergence angle was known."""
        far = (figures - np.array(self.doubt_centers)) / np.array(self.doubt_widths)
        return np.asarray(np.nansum(np.maximum(far, -_LARGEST_CREDIT), axis=1))
