"""What a system is: a material, seen along a zone axis, at a high tension."""

import math
from dataclasses import dataclass
from typing import Any


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
        Full name such as ``Strontium titanate``; matched without regard to case.
    composition : str
        Chemical formula such as ``SrTiO3``.
    zone_axis : tuple of int
        Direction [uvw] along the beam.
    high_tension_kV : float
        Accelerating voltage in kV.
    convergence_mrad, thickness_nm, mistilt_mrad : tuple of float
        Smallest and largest value that the system covers.
    """

    id: int
    name: str
    material: str
    composition: str
    zone_axis: tuple[int, int, int]
    high_tension_kV: float
    convergence_mrad: tuple[float, float]
    thickness_nm: tuple[float, float]
    mistilt_mrad: tuple[float, float]

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "System":
        """Take what a bundle's description stores; JSON has lists for tuples.

        Raises
        ------
        TypeError, ValueError
            If a value is missing, or none that a system can have.
        """
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        system = cls(**given)
        _check(system)
        return system


def _check(system: System) -> None:
    """Refuse what no recipe could have given; a file may say anything."""
    if type(system.id) is not int or system.id < 0:
        raise ValueError("id must be a whole number from 0 on")
    for name in ("name", "material", "composition"):
        if not isinstance(getattr(system, name), str):
            raise TypeError(f"{name} must be text")
    zone: tuple[int, ...] = system.zone_axis
    if len(zone) != 3 or not all(type(index) is int for index in zone):
        raise ValueError("zone_axis must be three whole numbers")
    if not 0 < system.high_tension_kV < math.inf:
        raise ValueError("high_tension_kV must be larger than 0")
    for name in ("convergence_mrad", "thickness_nm", "mistilt_mrad"):
        ends = getattr(system, name)
        if not (isinstance(ends, tuple) and len(ends) == 2 and 0 <= ends[0] <= ends[1] < math.inf):
            raise ValueError(f"{name} must be smallest and largest value")
