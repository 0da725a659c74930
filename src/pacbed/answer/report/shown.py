"""What pictures need of an answer."""

from typing import Protocol

from pacbed.answer.estimate import Basis


class Shown(Protocol):
    """What pictures need of an answer: an estimate has it, and what others kept of one."""

    @property
    def thickness_nm(self) -> float:
        """Thickness along the zone axis, nm."""

    @property
    def tilt_x_mrad(self) -> float | None:
        """Tilt to the right, mrad; None where it is not known."""

    @property
    def tilt_y_mrad(self) -> float | None:
        """Tilt downwards, mrad; None where it is not known."""

    @property
    def rotation_deg(self) -> float | None:
        """Rotation of the pattern against the crystal, degrees; None where it is not known."""

    @property
    def mrad_per_pixel(self) -> float:
        """Angle per pixel of the pattern as given, mrad."""

    @property
    def center_row_px(self) -> float:
        """Row of the disk's centre in the pattern as given, pixels."""

    @property
    def center_column_px(self) -> float:
        """Column of the disk's centre in the pattern as given, pixels."""

    @property
    def basis(self) -> Basis:
        """Says which pixels have no value."""
