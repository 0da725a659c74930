"""What is asked of a crystal: its file, the conditions, and how far the answers shall reach."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pacbed.crystal.known.catalogue import structure_path
from pacbed.crystal.structure import ELEMENTS
from pacbed.errors import CrystalError, OutOfRangeError
from pacbed.library.zone_axis import parse_zone_axis, three_indices

#: Convergence semi-angles, mrad, that are looked through where nobody gives one.
ANY_CONVERGENCE_MRAD = (4.0, 35.0)
#: How far around a given angle the table reaches: the angle that a microscope states is rarely
#: better, and a pattern with nearly the same one finds the same table.
_AROUND = 0.1
THICKNESS_MAX_NM, MISTILT_MAX_MRAD = 100.0, 8.0
#: What cannot be meant, or cannot be simulated.
_HIGH_TENSION_KV = (10.0, 3000.0)
_CONVERGENCE_MRAD = (1.0, 60.0)
_THICKNESS_NM = (2.0, 500.0)
_MISTILT_MRAD = (0.1, 40.0)
_LARGEST_INDEX = 99


@dataclass(frozen=True)
class CrystalConditions:
    """A crystal, how it is seen, and the ranges that answers shall cover.

    Attributes
    ----------
    cif : Path
    zone_axis : tuple of int
        Direction [uvw] along the beam.
    high_tension_kV : float
    convergence_mrad : tuple of float
        Smallest and largest convergence semi-angle.
    thickness_max_nm, mistilt_max_mrad : float
    b_iso : mapping of str to float
        Debye–Waller factors B in Å² by element, before those of the CIF.

    Raises
    ------
    CrystalError
        If the zone axis is no direction, or a factor B is impossible.
    OutOfRangeError
        If a number lies outside what can be simulated.
    """

    cif: Path
    zone_axis: tuple[int, int, int]
    high_tension_kV: float
    convergence_mrad: tuple[float, float] = ANY_CONVERGENCE_MRAD
    thickness_max_nm: float = THICKNESS_MAX_NM
    mistilt_max_mrad: float = MISTILT_MAX_MRAD
    b_iso: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not any(self.zone_axis) or max(map(abs, self.zone_axis)) > _LARGEST_INDEX:
            raise CrystalError(
                f"{self.cif}: the zone axis {list(self.zone_axis)} cannot be used: give a direction"
                f' like "1 1 0" with indices up to {_LARGEST_INDEX}'
            ).about("zone_axis")
        self._check("high_tension_kV", "the high tension", self.high_tension_kV, _HIGH_TENSION_KV)
        for angle in self.convergence_mrad:
            self._check("convergence_mrad", "the convergence semi-angle", angle, _CONVERGENCE_MRAD)
        low, high = self.convergence_mrad
        if low > high:
            raise OutOfRangeError(
                f"{self.cif}: the convergence range {low:g} to {high:g} mrad runs backwards: give "
                "the smaller angle first"
            ).about("convergence_mrad")
        thickness, mistilt = self.thickness_max_nm, self.mistilt_max_mrad
        self._check("thickness_max_nm", "the largest thickness", thickness, _THICKNESS_NM)
        self._check("mistilt_max_mrad", "the largest mistilt", mistilt, _MISTILT_MRAD)
        for symbol, value in self.b_iso.items():
            if symbol not in ELEMENTS:
                raise CrystalError(
                    f'{self.cif}: B is given for "{symbol}", which is no element: write it like '
                    "Si=0.46"
                ).about("b_iso")
            if not 0 <= value <= 20:
                raise CrystalError(
                    f"{self.cif}: the Debye-Waller factor B = {value:g} Å² of {symbol} cannot be: "
                    "give one between 0 and 20"
                ).about("b_iso")

    def _check(self, name: str, what: str, value: float, limits: tuple[float, float]) -> None:
        unit = name.rpartition("_")[2]
        if not (math.isfinite(value) and limits[0] <= value <= limits[1]):
            raise OutOfRangeError(
                f"{self.cif}: {what} {value:g} {unit} cannot be: give one between {limits[0]:g} and"
                f" {limits[1]:g} {unit}"
            ).about(name)


def crystal_conditions(
    cif: Path | str,
    zone_axis: str | Sequence[int],
    high_tension_kV: float,
    convergence_mrad: float | tuple[float, float] | None = None,
    thickness_max_nm: float = THICKNESS_MAX_NM,
    mistilt_max_mrad: float = MISTILT_MAX_MRAD,
    b_iso: Mapping[str, float] | None = None,
) -> CrystalConditions:
    """Conditions the way that people give them.

    Parameters
    ----------
    cif : Path or str
        A CIF, or the name of a known crystal, such as ``GaN``.
    zone_axis : str or sequence of int
        Direction [uvw], or [uvtw] of a hexagonal crystal: ``"1 1 -2 0"``, ``"11-20"``,
        ``(1, 1, 0)``.
    high_tension_kV : float
    convergence_mrad : float or tuple of float, optional
        The semi-angle, or the smallest and largest; by default all usual ones.
    thickness_max_nm, mistilt_max_mrad : float
    b_iso : mapping of str to float, optional

    Raises
    ------
    CrystalError, OutOfRangeError
        As :class:`CrystalConditions`.
    """
    cif = structure_path(cif)
    try:
        axis = parse_zone_axis(zone_axis) if isinstance(zone_axis, str) else _indices(zone_axis)
    except CrystalError as error:
        raise CrystalError(f"{cif}: {error}").about("zone_axis") from error
    if convergence_mrad is None:
        span = ANY_CONVERGENCE_MRAD
    elif isinstance(convergence_mrad, tuple):
        span = convergence_mrad
    else:
        span = _around(float(convergence_mrad))
    low, high = (float(angle) for angle in span)
    return CrystalConditions(
        cif,
        axis,
        float(high_tension_kV),
        (low, high),
        float(thickness_max_nm),
        float(mistilt_max_mrad),
        dict(b_iso or {}),
    )


def _around(angle: float) -> tuple[float, float]:
    """Range about an angle; of an impossible one itself, which is then told of."""
    smallest, largest = _CONVERGENCE_MRAD
    if not smallest <= angle <= largest:
        return angle, angle
    return max(smallest, angle * (1 - _AROUND)), min(largest, angle * (1 + _AROUND))


def _indices(given: Sequence[int]) -> tuple[int, int, int]:
    if len(given) not in (3, 4) or any(int(index) != index for index in given):
        raise CrystalError(
            f"the zone axis {list(given)} is not three whole numbers (or four, of a hexagonal "
            "crystal): write it like (0, 0, 1)."
        )
    return three_indices([int(index) for index in given])
