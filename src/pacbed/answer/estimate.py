"""The answer: one frozen record, the same for Python, JSON and the service."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Literal

from pacbed.answer.budget import Budget
from pacbed.arrays import Mask
from pacbed.microscope.shown import Shown

Status = Literal["ok", "ambiguous", "mismatch", "out_of_range"]


@dataclass(frozen=True)
class Alternative:
    """Another solution that the pattern allows.

    Attributes
    ----------
    thickness_nm : float
        The solution.
    mistilt_mrad : float or None
        Its mistilt; None where the model does not give one.
    probability : float
        Share of the probability that this solution holds, 0..1.
    tilt_x_mrad, tilt_y_mrad : float or None
        Its tilt vector in the pattern, mrad. This and what follows is known of fits alone, and
        is what drawing the solution needs.
    rotation_deg : float or None
        Its rotation of the pattern against the crystal, degrees.
    convergence_mrad : float or None
        Its convergence semi-angle, mrad.
    mrad_per_pixel : float or None
        Its angle per pixel of the pattern as given.
    center_row_px, center_column_px : float or None
        Its centre of the bright-field disk, pixels.
    residual : float or None
        Share of the pattern's variance that it leaves, 0..1.
    """

    thickness_nm: float
    mistilt_mrad: float | None
    probability: float
    tilt_x_mrad: float | None = None
    tilt_y_mrad: float | None = None
    rotation_deg: float | None = None
    convergence_mrad: float | None = None
    mrad_per_pixel: float | None = None
    center_row_px: float | None = None
    center_column_px: float | None = None
    residual: float | None = None


@dataclass(frozen=True)
class ThicknessDistribution:
    """Probability of each thickness: two tuples of one length, nm and 0..1."""

    thickness_nm: tuple[float, ...]
    probability: tuple[float, ...]


@dataclass(frozen=True)
class Basis:
    """What an answer rests on, for what is done with it; users are told by its provenance.

    Attributes
    ----------
    structured_residual : float
        Share of the contrast that the fit leaves and neighbouring pixels share, 0..1: it does
        not grow with the noise, and can be compared between crystals. Infinite without a fit.
    direction_asked : bool
        Whether a network was asked for the tilt's direction; the warnings say where it is none.
    known : ndarray of bool, shape (rows, columns), or None
        Which pixels of the pattern said something; None where all did.
    shown : Shown or None
        What the pattern shows of the microscope; None where nothing was fitted.
    pixel_aspect : float
        The pattern was stretched to square pixels from pixels so many times as high as wide;
        what is said in pixels is of these.
    """

    structured_residual: float = math.inf
    direction_asked: bool = False
    known: Mask | None = field(default=None, compare=False, repr=False)
    shown: Shown | None = None
    pixel_aspect: float = 1.0


@dataclass(frozen=True)
class Estimate:
    """Thickness and mistilt inferred from one pattern.

    Signs: tilt (x, y) is the position of the zone axis in the pattern, seen from
    the centre of the bright-field disk; x is the column to the right, y the row
    downwards. The azimuth runs from +x towards +y.

    Attributes
    ----------
    system : str
        Name of the system whose bundle answered.
    status : {"ok", "ambiguous", "mismatch", "out_of_range"}
        Whether the numbers can be used.
    thickness_nm, thickness_std_nm : float
        Thickness along the zone axis and its standard error, nm.
    thickness_interval95_nm : tuple of float
        Interval that holds the thickness with a probability of 95 %, nm.
    tilt_x_mrad, tilt_y_mrad : float or None
        Tilt vector in the pattern, mrad; None where the model gives the mistilt without
        its direction, as those that choose among labels may.
    tilt_std_mrad : float or None
        Standard error of a component of the tilt, mrad, or of the mistilt where that is
        all there is; None where there is no mistilt.
    mistilt_mrad : float or None
        Length of the tilt vector, mrad; None where the model does not give it.
    azimuth_deg : float or None
        Direction of the tilt vector, degrees; None where it is not known.
    mrad_per_pixel : float
        Angle per pixel of the pattern as given.
    scale : float
        Zoom that brings the measured pattern to the simulated field of view.
    rotation_deg : float or None
        Rotation of the pattern against the crystal, degrees, modulo the symmetry
        of the projection; None where the network does not give it.
    center_row_px, center_column_px : float
        Centre of the bright-field disk in the pattern as given, pixels.
    residual : float or None
        Share of the pattern's variance that the fitted pattern leaves, 0..1; None
        where nothing was fitted.
    alternatives : tuple of Alternative
        Other solutions, the likelier first.
    thickness_distribution : ThicknessDistribution
        Distribution over thickness.
    warnings : tuple of str
        What the user should know before using the numbers.
    convergence_mrad : float or None
        Convergence semi-angle as the fit found it, mrad; None where nothing was fitted.
    convergence_std_mrad : float or None
        Its standard error, mrad.
    pixels_left_out : int
        Pixels that say nothing and had no weight: dead, in a gap, saturated, hidden, no numbers,
        or masked.
    provenance : dict
        Bundle, versions, hashes and times behind the numbers, to be shown.
    budget : Budget or None
        What the errors are made of: the parts that `thickness_std_nm` and `tilt_std_mrad` hold, and
        beside them what the recipe may be off by, which they do not; None where nothing was
        fitted.
    basis : Basis
    """

    system: str
    status: Status
    thickness_nm: float
    thickness_std_nm: float
    thickness_interval95_nm: tuple[float, float]
    tilt_x_mrad: float | None
    tilt_y_mrad: float | None
    tilt_std_mrad: float | None
    mistilt_mrad: float | None
    azimuth_deg: float | None
    mrad_per_pixel: float
    scale: float
    rotation_deg: float | None
    center_row_px: float
    center_column_px: float
    residual: float | None
    alternatives: tuple[Alternative, ...]
    thickness_distribution: ThicknessDistribution
    warnings: tuple[str, ...] = ()
    convergence_mrad: float | None = None
    convergence_std_mrad: float | None = None
    pixels_left_out: int = 0
    provenance: dict[str, Any] = field(default_factory=dict)
    budget: Budget | None = None
    basis: Basis = Basis()

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain dicts, lists and numbers, ready for JSON."""
        values = dataclasses.asdict(dataclasses.replace(self, basis=Basis()))
        del values["basis"]
        return values
