"""Why a pattern may not be explained: what the evidence points to, in words.

Each cause is said by its name where the pattern itself shows it; crystal, zone axis and high
tension are for when nothing else does.
"""

from dataclasses import dataclass

from pacbed.infer.fit.found import Fit
from pacbed.infer.known.given import Given
from pacbed.pattern.disk_form import disk_aspect, reaches_rim
from pacbed.pattern.preprocess import DiskLocation
from pacbed.pattern.recorded import CleanPattern

#: Relative differences from what was given that are worth a word.
_ANGLE, _SCALE = 0.02, 0.05
#: A disk of which less than this says something is said to be cut or hidden.
_WHOLE = 0.97
#: Of less of a disk, a wrong thickness explains what is left more easily.
_ENOUGH = 0.9
#: Width of a disk over its height, or the other way round, that pixels which are not square make.
SQUARE = 1.1


def disk_of(best: Fit) -> DiskLocation:
    """The bright-field disk as a fit found it."""
    p = best.parameters
    return DiskLocation(p.center_y, p.center_x, p.convergence_mrad / p.mrad_per_pixel)


@dataclass(frozen=True)
class DiskSeen:
    """How much of a bright-field disk there is to see.

    Attributes
    ----------
    on_frame : float
        Share of it that was recorded.
    said : float
        Share of it that was recorded and says something.
    """

    on_frame: float
    said: float

    @classmethod
    def of(cls, pattern: CleanPattern, disk: DiskLocation) -> "DiskSeen":
        """What a pattern shows of a disk."""
        return cls(share_said(CleanPattern(pattern.values), disk), share_said(pattern, disk))

    @property
    def whole(self) -> bool:
        """Whether so much of it says something that a good fit is a right one."""
        return self.said >= _ENOUGH

    @property
    def cut(self) -> bool:
        """Whether the frame leaves out a part of it that matters."""
        return self.on_frame < _ENOUGH


def share_said(pattern: CleanPattern, disk: DiskLocation) -> float:
    """Share of a bright-field disk that was recorded and says something."""
    return pattern.share_known(disk.row, disk.column, disk.radius)


def is_whole(pattern: CleanPattern, best: Fit) -> bool:
    """Whether so much of the disk says something that a good fit is a right one."""
    return share_said(pattern, disk_of(best)) >= _ENOUGH


def of_given(best: Fit, given: Given) -> list[str]:
    """What is to be said where the pattern contradicts what was given.

    Parameters
    ----------
    best : Fit
    given : Given
    """
    p = best.parameters
    said = []
    angle = given.convergence_mrad
    if angle is not None and abs(p.convergence_mrad / angle - 1) > _ANGLE:
        said.append(
            f"{given.convergence_source} a convergence semi-angle of {angle:.4g} mrad; the pattern "
            f"says {p.convergence_mrad:.2f}"
        )
    scale = given.mrad_per_pixel
    limit = _ANGLE if given.scale_is_calibrated else _SCALE
    if scale is not None and abs(p.mrad_per_pixel / scale - 1) > limit:
        said.append(
            f"{given.scale_source} {scale:.4g} mrad per pixel; the pattern says "
            f"{p.mrad_per_pixel:.3g}"
        )
    return said


def of_disk(pattern: CleanPattern, seen: DiskSeen) -> list[str]:
    """What is to be said where a part of the bright-field disk is missing."""
    said = []
    if seen.on_frame < _WHOLE:
        said.append(
            f"the frame cuts the bright-field disk: {seen.on_frame:.0%} of it is recorded; centre "
            "the pattern or use a shorter camera length"
        )
    if seen.said < seen.on_frame - (1 - _WHOLE):
        said.append(
            f"{seen.on_frame - seen.said:.0%} of the bright-field disk says nothing and was left "
            f"out ({pattern.left_out.words})"
        )
    return said


def of_form(pattern: CleanPattern) -> list[str]:
    """What may keep a pattern from being explained by any crystal."""
    aspect = disk_aspect(pattern)
    return [] if aspect is None or 1 / SQUARE < aspect < SQUARE else [not_square(aspect)]


def of_rim(pattern: CleanPattern) -> list[str]:
    """What to say of a frame that may cut the disk, where no fit says where the disk lies."""
    if not reaches_rim(pattern):
        return []
    return [
        "the bright region reaches the frame's rim: if the bright-field disk is cut there, centre "
        "the pattern or use a shorter camera length"
    ]


def not_square(aspect: float) -> str:
    """Words for a disk that is so many times as wide as it is high."""
    return (
        f"the bright disk is {aspect:.2f} times as wide as it is high: pixels that are not square, "
        "such as of a detector read with binning along one axis; give their aspect"
    )
