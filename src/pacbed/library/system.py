"""What a system is: a material, seen along a zone axis, at a high tension."""

import math
from dataclasses import dataclass
from typing import Any

from pacbed.errors import OutOfRangeError

#: In place of a system: all of them.
ANY = "any"
#: An angle that reads the same is the same.
_TOLERANCE_MRAD = 1e-6
#: A larger number is none that a register gave.
LARGEST_ID = 10**9
#: The material of a system of which nobody said it.
UNKNOWN = "unknown"
#: A longer name or formula is none.
LONGEST_TEXT = 500


@dataclass(frozen=True)
class System:
    """A material system and the ranges that its bundle covers.

    Attributes
    ----------
    id : int
        Number of the system in ``Register.csv``.
    name : str
        Short name such as ``sto-001-200kV``.
    material : str
        Full name such as ``Strontium titanate``; matched without regard to case. Where nobody
        said it, :data:`UNKNOWN`.
    composition : str
        Chemical formula such as ``SrTiO3``.
    zone_axis : tuple of int or None
        Direction [uvw] along the beam; None where nobody said it, as of networks that were
        trained from a table of patterns alone.
    high_tension_kV : float or None
        Accelerating voltage in kV; None likewise.
    convergence_mrad, thickness_nm, mistilt_mrad : tuple of float
        Smallest and largest value that the system covers.
    """

    id: int
    name: str
    material: str
    composition: str
    zone_axis: tuple[int, int, int] | None
    high_tension_kV: float | None
    convergence_mrad: tuple[float, float]
    thickness_nm: tuple[float, float]
    mistilt_mrad: tuple[float, float]

    @property
    def known_zone_axis(self) -> tuple[int, int, int]:
        """The zone axis, for what cannot do without.

        Raises
        ------
        OutOfRangeError
            If nobody said it.
        """
        if self.zone_axis is None:
            raise OutOfRangeError(f"the zone axis of the system {self.name} is not known")
        return self.zone_axis

    @property
    def known_high_tension_kV(self) -> float:  # noqa: N802
        """The high tension in kV, for what cannot do without.

        Raises
        ------
        OutOfRangeError
            If nobody said it.
        """
        if self.high_tension_kV is None:
            raise OutOfRangeError(f"the high tension of the system {self.name} is not known")
        return self.high_tension_kV

    @property
    def unknown(self) -> tuple[str, ...]:
        """What nobody said: some of ``material``, ``zone axis`` and ``high tension``."""
        said = {
            "material": self.material != UNKNOWN,
            "zone axis": self.zone_axis is not None,
            "high tension": self.high_tension_kV is not None,
        }
        return tuple(name for name, known in said.items() if not known)

    @property
    def largest(self) -> tuple[float, float, float]:
        """Largest convergence semi-angle, mistilt (mrad) and thickness (nm)."""
        return self.convergence_mrad[1], self.mistilt_mrad[1], self.thickness_nm[1]

    def covers(self, convergence_mrad: float) -> bool:
        """Whether the system covers a convergence semi-angle."""
        low, high = self.convergence_mrad
        return low - _TOLERANCE_MRAD <= convergence_mrad <= high + _TOLERANCE_MRAD

    def check(
        self,
        convergence_mrad: float | None,
        mrad_per_pixel: float | None = None,
        parameter: str | None = None,
    ) -> None:
        """Refuse conditions that the system does not cover, or that cannot be.

        Parameters
        ----------
        convergence_mrad : float or None
            None where it is to be found.
        mrad_per_pixel : float or None
        parameter : str, optional
            What the convergence is called where it was given, for the message.

        Raises
        ------
        OutOfRangeError
            If one of them is impossible.
        """
        if convergence_mrad is not None and not self.covers(convergence_mrad):
            low, high = self.convergence_mrad
            if parameter is not None:
                raise OutOfRangeError(
                    f"{parameter} lies outside {low:g} to {high:g}, which {self.name} covers"
                )
            raise OutOfRangeError(
                f"convergence {convergence_mrad:g} mrad lies outside {low:g} to {high:g} mrad, "
                f"which the system {self.name} covers; use another bundle"
            )
        if mrad_per_pixel is not None and not 0 < mrad_per_pixel < math.inf:
            raise OutOfRangeError("mrad_per_pixel must be a positive number")

    @classmethod
    def from_json(cls, values: dict[str, Any], complete: bool = True) -> "System":
        """Take what a bundle's description stores; JSON has lists for tuples.

        Parameters
        ----------
        values : dict
        complete : bool
            Refuse a system whose zone axis or high tension is not known, as of a model with
            a table, which was simulated for both.

        Raises
        ------
        ValueError
            If an entry is of another kind, or no system can have it.
        TypeError
            If an entry is missing or unknown.
        """
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        system = cls(**given)
        _check(system, complete)
        return system


def _check(system: System, complete: bool) -> None:
    """Refuse what whoever lists or compares systems could not take."""
    if type(system.id) is not int or not 0 <= system.id <= LARGEST_ID:
        raise ValueError(f"the id {str(system.id)[:40]} is no whole number from 0 on")
    for name in ("name", "material", "composition"):
        text = getattr(system, name)
        if not isinstance(text, str) or len(text) > LONGEST_TEXT:
            raise ValueError(f"{name} is no text of at most {LONGEST_TEXT} characters")
    axis, tension = system.zone_axis, system.high_tension_kV
    if (complete or axis is not None) and not (
        _are_numbers(axis, 3) and all(type(n) is int for n in axis or ())
    ):
        raise ValueError("zone_axis is no three whole numbers")
    if (complete or tension is not None) and not (
        _are_numbers((tension,), 1) and tension is not None and tension > 0
    ):
        raise ValueError("high_tension_kV is no positive number")
    for name in ("convergence_mrad", "thickness_nm", "mistilt_mrad"):
        values = getattr(system, name)
        if not _are_numbers(values, 2) or not 0 <= values[0] <= values[1]:
            raise ValueError(f"{name} is no range of two numbers")


def _are_numbers(values: object, count: int) -> bool:
    return (
        isinstance(values, tuple)
        and len(values) == count
        and all(type(v) in (int, float) and math.isfinite(v) for v in values)
    )
