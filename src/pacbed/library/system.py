"""What a system is: a material, seen along a zone axis, at a high tension."""

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
        """Take what a bundle's description stores; JSON has lists for tuples."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**given)
