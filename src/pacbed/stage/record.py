"""How a stage moves the zone axis in the pattern: the records, and their checks."""

import math
from dataclasses import dataclass

from pacbed.arrays import Numbers
from pacbed.errors import OutOfRangeError

#: By one degree of the stage the zone axis moves by so many mrad.
MRAD_PER_DEGREE = 1000 * math.radians(1)
#: A hypothesis of this probability is taken for the truth.
SURE = 0.999
#: Largest angle of a stage, degrees, and largest tilt of an answer, mrad.
_LARGEST_DEG, _LARGEST_MRAD = 90.0, 500.0
#: Longest name of a file or a grain.
_LONGEST = 300


@dataclass(frozen=True)
class StagePattern:
    """Where a pattern shows the zone axis, and where the stage was.

    Attributes
    ----------
    alpha_deg, beta_deg : float
        Angles of the stage as it says them, degrees. α is the tilt about the holder's axis, β the
        one that α carries along.
    tilt_x_mrad, tilt_y_mrad : float
        Position of the zone axis in the pattern, as an answer gives it, mrad.
    tilt_std_mrad : float
        Standard error of a component, mrad.
    file : str
        Where it is from.
    grain : str
        Patterns of one grain differ by the stage's move alone; of another grain, the zone axis
        lies elsewhere.

    Raises
    ------
    OutOfRangeError
        If a number makes no sense.
    """

    alpha_deg: float
    beta_deg: float
    tilt_x_mrad: float
    tilt_y_mrad: float
    tilt_std_mrad: float
    file: str = ""
    grain: str = ""

    def __post_init__(self) -> None:
        for name in ("alpha_deg", "beta_deg"):
            _check(name, getattr(self, name), abs(getattr(self, name)) < _LARGEST_DEG,
                   f"an angle between -{_LARGEST_DEG:g} and {_LARGEST_DEG:g} degrees")  # fmt: skip
        for name in ("tilt_x_mrad", "tilt_y_mrad"):
            _check(name, getattr(self, name), abs(getattr(self, name)) <= _LARGEST_MRAD,
                   f"a tilt of at most {_LARGEST_MRAD:g} mrad")  # fmt: skip
        error = self.tilt_std_mrad
        _check("tilt_std_mrad", error, 0 <= error <= _LARGEST_MRAD, "an error, 0 or more")
        for name in ("file", "grain"):
            _check(name, getattr(self, name)[:20], len(getattr(self, name)) <= _LONGEST,
                   f"a name of at most {_LONGEST} characters")  # fmt: skip


@dataclass(frozen=True)
class Hand:
    """How the axes of the stage lie in the pattern, if they are of one hand.

    Attributes
    ----------
    mirrored : bool
        Whether β turns the other way round in the pattern than from +x towards +y after α.
    matrix : ndarray, shape (2, 2)
        Rows x and y (mrad), columns α and β (degree, at α = 0): how the zone axis moves.
    covariance : ndarray, shape (4, 4)
        Of the matrix, row by row.
    misfit : float
        Sum of squares of what is left, in standard errors.
    probability : float
        Of this hand, 0..1.
    """

    mirrored: bool
    matrix: Numbers
    covariance: Numbers
    misfit: float
    probability: float


@dataclass(frozen=True)
class StageCalibration:
    """What patterns at known stage angles say of the stage's axes in the pattern.

    Attributes
    ----------
    patterns : tuple of StagePattern
        What it was found from.
    hands : tuple of Hand
        Both hands, the likelier first. Moves along one line of (α, β) cannot tell them apart.
    name : str
        Microscope and camera length, in the user's words.
    mirrored : bool or None
        Which hand it is, if that was known beforehand.
    warnings : tuple of str
        What the user should know.
    """

    patterns: tuple[StagePattern, ...]
    hands: tuple[Hand, Hand]
    name: str = ""
    mirrored: bool | None = None
    warnings: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether the patterns tell both signs."""
        return self.hands[0].probability >= SURE

    @property
    def alpha_deg(self) -> float:
        """Angle α of the last pattern."""
        return self.patterns[-1].alpha_deg

    @property
    def axes(self) -> tuple["Axis", "Axis"]:
        """Where +α and +β move the zone axis, of the likelier hand."""
        first, second = (_axis(self.hands[0], column) for column in (0, 1))
        return first, second


@dataclass(frozen=True)
class Axis:
    """Where one axis of the stage moves the zone axis.

    Attributes
    ----------
    direction_deg, direction_std_deg : float
        From +x (columns) towards +y (rows, downwards), degrees.
    mrad_per_degree, mrad_per_degree_std : float
        How far.
    """

    direction_deg: float
    direction_std_deg: float
    mrad_per_degree: float
    mrad_per_degree_std: float


def _axis(hand: Hand, column: int) -> Axis:
    x, y = (float(value) for value in hand.matrix[:, column])
    covariance = hand.covariance[column::2, column::2]
    length = math.hypot(x, y)
    along, across = (x / length, y / length), (-y / length, x / length)
    errors = [
        math.sqrt(sum(u[i] * covariance[i, j] * u[j] for i in (0, 1) for j in (0, 1)))
        for u in (along, across)
    ]
    return Axis(math.degrees(math.atan2(y, x)), math.degrees(errors[1] / length), length, errors[0])


def _check(name: str, value: object, fits: bool, wanted: str) -> None:
    if not fits:
        raise OutOfRangeError(f"{name} is {value}: it must be {wanted}")
