"""What is known of a recording before its pattern is looked at, and from where."""

import math
from dataclasses import dataclass, replace

from pacbed.infer.fit.known import Known
from pacbed.library.system import System
from pacbed.microscope.record import Microscope

#: What a pattern may differ from its session by, beside the session's own errors: logarithms of
#: the angles, and a component of the ellipticity.
_CONVERGENCE, _SCALE, _ELLIPTICITY = 0.003, 0.003, 0.001


@dataclass(frozen=True)
class Session:
    """How sure a calibrated microscope is of what it says, and the shape of its disks.

    Attributes
    ----------
    convergence, scale : float or None
        σ of the logarithms of the convergence semi-angle and of the angle per pixel; None where
        another value was stated, which goes before.
    ellipticity : float
        σ of a component of the distortion.
    distortion : tuple of float
        a, b of the matrix 1 + [[a, b], [b, −a]].
    """

    convergence: float | None
    scale: float | None
    ellipticity: float
    distortion: tuple[float, float]

    def known(self, usual: Known, convergence_mrad: float | None, scale: float | None) -> Known:
        """What the fit knows in this session.

        Parameters
        ----------
        usual : Known
            What it knows without one.
        convergence_mrad : float or None
        scale : float or None
            Angle per pixel, mrad.
        """
        known = replace(usual, ellipticity=self.ellipticity, distortion=self.distortion)
        if self.convergence is not None and convergence_mrad is not None:
            angle = math.log(convergence_mrad)
            known = replace(known, convergence=self.convergence, log_alpha=angle)
        if self.scale is not None and scale is not None:
            known = replace(known, scale=self.scale, log_scale=math.log(scale))
        return known


@dataclass(frozen=True)
class Given:
    """What the user gave of the recording.

    Attributes
    ----------
    convergence_mrad, mrad_per_pixel : float or None
        None where nothing says them.
    session : Session or None
        What a calibrated microscope adds.
    remarks : tuple of str
        What is to be said of what was given.
    """

    convergence_mrad: float | None
    mrad_per_pixel: float | None
    session: Session | None = None
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        system: System,
        convergence_mrad: float | None,
        mrad_per_pixel: float | None,
        microscope: Microscope | None,
    ) -> "Given":
        """What is stated, and where it is not, what a microscope of the system's high tension says.

        Raises
        ------
        OutOfRangeError
            If the system does not cover it.
        """
        remarks: tuple[str, ...] = ()
        if microscope is not None and not microscope.is_at(system.high_tension_kV):
            remarks = (microscope.other_high_tension(system.high_tension_kV),)
            microscope = None
        session = None
        if microscope is not None:
            session = _session(microscope, convergence_mrad, mrad_per_pixel)
            if convergence_mrad is None:
                convergence_mrad = microscope.convergence_mrad
            if mrad_per_pixel is None:
                mrad_per_pixel = microscope.mrad_per_pixel
        system.check(convergence_mrad, mrad_per_pixel)
        return cls(convergence_mrad, mrad_per_pixel, session, remarks)

    @property
    def convergence_source(self) -> str:
        """Who says the convergence semi-angle, for messages."""
        return _source(self.session is not None and self.session.convergence is not None)

    @property
    def scale_is_calibrated(self) -> bool:
        """Whether the angle per pixel is a calibrated microscope's."""
        return self.session is not None and self.session.scale is not None

    @property
    def scale_source(self) -> str:
        """Who says the angle per pixel, for messages."""
        return _source(self.scale_is_calibrated)


def _source(calibrated: bool) -> str:
    return "the microscope's calibration says" if calibrated else "you gave"


def _session(
    microscope: Microscope, convergence_mrad: float | None, mrad_per_pixel: float | None
) -> Session:
    angle = microscope.convergence_std_mrad / microscope.convergence_mrad
    scale = microscope.mrad_per_pixel_std / microscope.mrad_per_pixel
    return Session(
        math.hypot(angle, _CONVERGENCE) if convergence_mrad is None else None,
        math.hypot(scale, _SCALE) if mrad_per_pixel is None else None,
        math.hypot(microscope.ellipticity_std, _ELLIPTICITY),
        microscope.distortion,
    )
