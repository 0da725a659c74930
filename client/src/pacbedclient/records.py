"""What the service answers, as records with units in their names."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

from pacbedclient.errors import AnswerError
from pacbedclient.png import decode_rgb


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
    """

    thickness_nm: float
    mistilt_mrad: Optional[float]
    probability: float


@dataclass(frozen=True)
class BudgetPart:
    """One part of the error of an answer.

    Attributes
    ----------
    name : str
        ``noise``, ``convergence``, ``model``, ``debye_waller``, ``absorption``, ``potential`` or
        ``thickness_spread``.
    change : float or None
        Relative standard error that was assumed of it; None where none was.
    thickness_nm, tilt_mrad : float or None
        Standard errors that it gives the thickness (nm) and a component of the tilt (mrad).
    in_std : bool
        Whether the error bars hold it.
    """

    name: str
    change: Optional[float]
    thickness_nm: Optional[float]
    tilt_mrad: Optional[float]
    in_std: bool


@dataclass(frozen=True)
class Estimate:
    """Thickness and mistilt inferred from one pattern.

    Tilt (x, y) is the position of the zone axis in the pattern, seen from the centre of
    the bright-field disk; x is the column to the right, y the row downwards. What the
    service did not say is None or empty.

    Attributes
    ----------
    thickness_nm : float
        Thickness along the zone axis, nm.
    mistilt_mrad : float or None
        Length of the tilt vector, mrad; None where the model does not give it.
    scale : float
        Zoom that brings the measured pattern to the simulated field of view.
    system : str or None
        Name of the system whose bundle answered.
    status : {"ok", "ambiguous", "mismatch", "out_of_range"} or None
        Whether the numbers can be used.
    thickness_std_nm, thickness_interval95_nm : float, (float, float)
        Standard error and interval that holds the thickness with 95 %, nm.
    tilt_x_mrad, tilt_y_mrad, tilt_std_mrad, azimuth_deg : float
        Tilt vector, standard error of a component (mrad) and direction (degrees).
    mrad_per_pixel, rotation_deg, center_row_px, center_column_px : float
        Geometry of the pattern as given.
    residual : float
        Share of the pattern's variance that the simulated pattern leaves, 0..1.
    convergence_mrad, convergence_std_mrad : float
        Convergence semi-angle as the pattern shows it, and its standard error.
    pixels_left_out : int
        Pixels that say nothing: dead, saturated, hidden, no numbers, masked.
    budget : tuple of BudgetPart
        What the errors are made of; the squares of all parts add up. Empty where nothing was
        fitted.
    alternatives : tuple of Alternative
        Other solutions, the likelier first.
    thickness_distribution : (tuple of float, tuple of float) or None
        Thicknesses (nm) and their probabilities.
    warnings : tuple of str
        What should be known before the numbers are used.
    validation : numpy.ndarray or None
        Measured beside simulated pattern, RGB, uint8, shape (rows, columns, 3).
    answer : dict
        The service's answer as it came, less the encoded picture.
    """

    thickness_nm: float
    mistilt_mrad: Optional[float]
    scale: float
    system: Optional[str] = None
    status: Optional[str] = None
    thickness_std_nm: Optional[float] = None
    thickness_interval95_nm: Optional[Tuple[float, float]] = None
    tilt_x_mrad: Optional[float] = None
    tilt_y_mrad: Optional[float] = None
    tilt_std_mrad: Optional[float] = None
    azimuth_deg: Optional[float] = None
    mrad_per_pixel: Optional[float] = None
    rotation_deg: Optional[float] = None
    center_row_px: Optional[float] = None
    center_column_px: Optional[float] = None
    residual: Optional[float] = None
    convergence_mrad: Optional[float] = None
    convergence_std_mrad: Optional[float] = None
    pixels_left_out: Optional[int] = None
    alternatives: Tuple[Alternative, ...] = ()
    thickness_distribution: Optional[Tuple[Tuple[float, ...], Tuple[float, ...]]] = field(
        default=None, repr=False
    )
    warnings: Tuple[str, ...] = ()
    validation: Any = field(default=None, repr=False, compare=False)
    answer: Dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    budget: Tuple[BudgetPart, ...] = ()

    def __str__(self) -> str:
        text = "thickness {}, mistilt {}".format(
            _with_error(self.thickness_nm, self.thickness_std_nm, "nm"),
            _with_error(self.mistilt_mrad, self.tilt_std_mrad, "mrad"),
        )
        return f"{text} ({self.status})" if self.status else text


@dataclass(frozen=True)
class System:
    """A material along a zone axis at a high tension, for which the service has a bundle.

    Attributes
    ----------
    id, name : int or None, str
        Either selects the system.
    material, composition : str
    zone_axis : tuple of int or None
        Direction [uvw]; None where the service does not know it.
    high_tension_kV : float or None
        None likewise.
    convergence_mrad, thickness_nm, mistilt_mrad : (float, float) or None
        Range that the bundle covers.
    answer : dict
        What the service says of it.
    """

    id: Optional[int]
    name: str
    material: str
    composition: str
    zone_axis: Optional[Tuple[int, ...]]
    high_tension_kV: Optional[float]
    convergence_mrad: Optional[Tuple[float, float]]
    thickness_nm: Optional[Tuple[float, float]]
    mistilt_mrad: Optional[Tuple[float, float]]
    answer: Dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        if self.zone_axis is None or self.high_tension_kV is None:
            return self.name
        return f"{self.material} [{_direction(self.zone_axis)}] {self.high_tension_kV:g} kV"


def picture(answer: Dict[str, Any]) -> Any:
    """Decode the validation picture of an answer: RGB array, or None where it has none.

    Raises
    ------
    AnswerError
        The picture is damaged.
    """
    encoded = answer.get("validation")
    if not encoded:
        return None
    try:
        return decode_rgb(base64.b64decode(encoded))
    except (TypeError, binascii.Error):
        raise AnswerError("the service's picture is not in base64") from None


def estimate_from(answer: Any) -> Estimate:
    """Read the service's answer to an inference.

    The estimate stands under a key of its own or beside the old keys. A service that
    gives the old keys alone (thickness in Å, mistilt, scale) is understood as well.

    Raises
    ------
    AnswerError
        The answer lacks what an inference must give.
    """
    try:
        full = answer.get("estimate") or answer
        if "thickness_nm" not in full:
            full = {
                "thickness_nm": float(answer["thickness"]) / 10,
                "mistilt_mrad": answer["mistilt"],
                "scale": answer["scale"],
            }
        values: Dict[str, Any] = {
            name: None if full.get(name) is None else float(full[name])
            for name in _ESTIMATE_NUMBERS
        }
        values["thickness_nm"] = float(full["thickness_nm"])
        distribution = full.get("thickness_distribution")
        return Estimate(
            mistilt_mrad=_optional(full["mistilt_mrad"]),
            scale=float(full["scale"]),
            system=full.get("system"),
            pixels_left_out=full.get("pixels_left_out"),
            status=full.get("status"),
            thickness_interval95_nm=_range(full.get("thickness_interval95_nm")),
            alternatives=tuple(
                Alternative(
                    float(entry["thickness_nm"]),
                    _optional(entry["mistilt_mrad"]),
                    float(entry["probability"]),
                )
                for entry in full.get("alternatives") or ()
            ),
            budget=tuple(
                BudgetPart(
                    str(entry["name"]),
                    _optional(entry["change"]),
                    _optional(entry["thickness_nm"]),
                    _optional(entry["tilt_mrad"]),
                    bool(entry["in_std"]),
                )
                for entry in (full.get("budget") or {}).get("parts", ())
            ),
            thickness_distribution=distribution
            and (tuple(distribution["thickness_nm"]), tuple(distribution["probability"])),
            warnings=tuple(full.get("warnings") or ()),
            validation=picture(answer),
            answer={key: value for key, value in answer.items() if key != "validation"},
            **values,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnswerError(f"the service's answer is not an inference: {error!r}") from None


def system_from(entry: Any) -> System:
    """Read one entry of the service's list of systems.

    Raises
    ------
    AnswerError
        The entry lacks what a system must have.
    """
    try:
        axis = entry["zone_axis"]
        if isinstance(axis, dict):
            axis = [axis[name] for name in "uvw"]
        tension = entry["high_tension_kV"]
        return System(
            id=entry.get("id"),
            name=str(entry["name"]),
            material=str(entry["material"]),
            composition=str(entry.get("composition") or ""),
            zone_axis=None if axis is None else tuple(int(index) for index in axis),
            high_tension_kV=None if tension is None else float(tension),
            convergence_mrad=_range(entry.get("convergence_mrad")),
            thickness_nm=_range(entry.get("thickness_nm")),
            mistilt_mrad=_range(entry.get("mistilt_mrad")),
            answer=entry,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnswerError(f"the service's list of systems is not one: {error!r}") from None


_ESTIMATE_NUMBERS = (
    "thickness_std_nm", "tilt_x_mrad", "tilt_y_mrad", "tilt_std_mrad", "azimuth_deg",
    "mrad_per_pixel", "rotation_deg", "center_row_px", "center_column_px", "residual",
    "convergence_mrad", "convergence_std_mrad",
)  # fmt: skip


def _optional(value: Any) -> Optional[float]:
    return None if value is None else float(value)


def _range(values: Any) -> Optional[Tuple[float, float]]:
    if values is None:
        return None
    low, high = values
    return float(low), float(high)


def _with_error(value: Optional[float], error: Optional[float], unit: str) -> str:
    if value is None:
        return "unknown"
    if error is None:
        return f"{value:.1f} {unit}"
    return f"{value:.1f} ± {error:.1f} {unit}"


def _direction(axis: Tuple[int, ...]) -> str:
    """Write the indices of a direction, apart where one has two characters."""
    separator = "" if all(0 <= index <= 9 for index in axis) else " "
    return separator.join(map(str, axis))
