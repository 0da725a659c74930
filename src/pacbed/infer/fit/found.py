"""The end of a fit."""

import math
from dataclasses import dataclass, field

import numpy as np

from pacbed.arrays import Numbers
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.parameters import (
    ELLIPSE_A,
    ELLIPSE_B,
    LOG_ALPHA,
    LOG_SCALE,
    ROTATION,
    THICKNESS,
    TILT_X,
    TILT_Y,
    FitParameters,
)


@dataclass(frozen=True)
class Fit:
    """The end of a fit.

    Attributes
    ----------
    parameters : FitParameters
    covariance : ndarray, shape (10, 10)
        Of the parameters' vector, from the curvature and the noise that the residual shows.
    residual : float
        Share of the variance that is left, 0..1.
    contrast_residual : float
        The same inside the disk alone, where only the crystal's contrast is.
    ranked_residual : float
        Mean square that is left in all that is looked at but its rim, in units of the disk's mean
        intensity: what fits of one pattern are ranked by. A share of the contrast is none to
        compare fits around different places by: those on an edge have more of it.
    structured_residual : float
        The same for what neighbouring pixels share: without the noise of single
        pixels. Near 0 for the right crystal at any dose.
    unexplained : float
        As `structured_residual`, but over what the fitted pattern alone varies inside the disk,
        however little that is: backgrounds explain nothing of a crystal.
    contrast : float
        Standard deviation of the fitted pattern inside the disk, over its mean.
    chi_square : float
        Sum of squares over the noise variance; differences between fits of the same
        samples are log-likelihood ratios times −2.
    blur_mrad : float
    gain : float
        Contrast of the measured pattern over the synthesised one's.
    settled : bool
        Whether it ended where it ends; else its steps had run out.
    known : Known
        What was known beforehand.
    noise_share : float
        Share of the covariance that the electrons' noise makes, 0..1; the rest is residuals that
        neighbours share, of what the model lacks.
    """

    parameters: FitParameters
    covariance: Numbers
    residual: float
    contrast_residual: float
    ranked_residual: float
    structured_residual: float
    unexplained: float
    contrast: float
    chi_square: float
    blur_mrad: float
    gain: float
    settled: bool = True
    known: Known = field(default_factory=Known)
    noise_share: float = 1.0

    @property
    def thickness_std_nm(self) -> float:
        """Standard deviation of the thickness, nm."""
        return self._std(THICKNESS)

    @property
    def convergence_std_mrad(self) -> float:
        """Standard deviation of the convergence semi-angle, mrad."""
        return self.parameters.convergence_mrad * self._std(LOG_ALPHA)

    @property
    def mrad_per_pixel_std(self) -> float:
        """Standard deviation of the angle per pixel, mrad."""
        return self.parameters.mrad_per_pixel * self._std(LOG_SCALE)

    @property
    def rotation_std(self) -> float:
        """Standard deviation of the rotation, rad."""
        return self._std(ROTATION)

    @property
    def ellipticity_std(self) -> float:
        """Standard deviation of a component of the distortion."""
        return math.hypot(self._std(ELLIPSE_A), self._std(ELLIPSE_B)) / math.sqrt(2)

    @property
    def tilt_std_mrad(self) -> float:
        """Standard deviation of one component of the tilt, mrad."""
        tilt = self.covariance[TILT_X : TILT_Y + 1, TILT_X : TILT_Y + 1]
        return math.sqrt(float(np.trace(tilt)) / 2)

    @property
    def shares_of_convergence(self) -> tuple[float, float]:
        """Shares of the variances of thickness and tilt that come with the convergence angle.

        What is left of a variance once the angle is known is its Schur complement.
        """
        angle = max(float(self.covariance[LOG_ALPHA, LOG_ALPHA]), 1e-30)
        shares = []
        for places in ([THICKNESS], [TILT_X, TILT_Y]):
            whole = float(np.trace(self.covariance[np.ix_(places, places)]))
            part = float((self.covariance[places, LOG_ALPHA] ** 2).sum()) / angle
            shares.append(float(np.clip(part / max(whole, 1e-30), 0, 1)))
        return shares[0], shares[1]

    def _std(self, place: int) -> float:
        return math.sqrt(self.covariance[place, place])
