"""What is known of a pattern before it is looked at, in the words of the fit."""

import math
from dataclasses import dataclass, replace

from pacbed.infer.fit.parameters import FitParameters

#: σ of a convergence angle that is given, as a logarithm.
GIVEN = 0.1
#: σ of the ellipticity of a detector that nothing is known of.
ELLIPTICITY = 0.006
#: σ of an angle per pixel that is given, as a logarithm.
_SCALE = 0.01
#: A fit that ends so many σ from what is known contradicts it.
_FAR = 3.0


@dataclass(frozen=True)
class Known:
    """What is known of a pattern beforehand: σ of logarithms around a centre.

    Attributes
    ----------
    scale : float or None
        Of the angle per pixel; None where it is not known.
    convergence : float
        Of the convergence semi-angle: where it is given, it is a start. The lattice fixes the
        scale, so that the aperture shows itself.
    ellipticity : float
        Of a component of the distortion, no logarithm.
    distortion : tuple of float
        a, b around which that is.
    log_scale, log_alpha : float or None
        Around which angle per pixel and convergence semi-angle are known; None where it is where a
        fit starts.
    """

    scale: float | None = None
    convergence: float = GIVEN
    ellipticity: float = ELLIPTICITY
    distortion: tuple[float, float] = (0.0, 0.0)
    log_scale: float | None = None
    log_alpha: float | None = None

    @classmethod
    def given(cls, mrad_per_pixel: float | None) -> "Known":
        """The convergence angle as users give it, and the angle per pixel or None."""
        if mrad_per_pixel is None:
            return cls()
        return cls(_SCALE, log_scale=math.log(mrad_per_pixel))

    def contradicts(self, found: FitParameters) -> bool:
        """Whether a fit ended far from what was measured or given, for how sure that is."""
        pairs = (
            (found.log_scale, self.log_scale, self.scale),
            (found.log_alpha, self.log_alpha, self.convergence),
        )
        return any(
            around is not None and std is not None and abs(at - around) > _FAR * std
            for at, around, std in pairs
        )

    def centred(self, at: FitParameters, convergence_mrad: float) -> FitParameters:
        """Parameters to start from, with what is known where it is known.

        Parameters
        ----------
        at : FitParameters
            Where a fit is, or a hypothesis.
        convergence_mrad : float
            The convergence semi-angle that was asked for.
        """
        return replace(
            at,
            ellipticity=self.distortion,
            log_scale=at.log_scale if self.log_scale is None else self.log_scale,
            log_alpha=math.log(convergence_mrad) if self.log_alpha is None else self.log_alpha,
        )
