"""Which patterns of a system are written: the grid of their parameters."""

from dataclasses import dataclass

from pacbed.errors import OutOfRangeError
from pacbed.lacbed.table import LacbedTable
from pacbed.library.register.rows import RegisterRow
from pacbed.library.system import System
from pacbed.pattern.synthesis import check_covered

#: More patterns than this are a mistake in a step.
MAX_PATTERNS = 1_000_000


@dataclass(frozen=True)
class Steps:
    """Equally spaced values, both ends included where the step meets them.

    Attributes
    ----------
    low, high : float
    step : float
        0 where `low` is the only value.
    """

    low: float
    high: float
    step: float

    def __post_init__(self) -> None:
        if not (0 <= self.low <= self.high < 1e6) or not 0 <= self.step < 1e6:
            raise OutOfRangeError(
                f"{self.low:g}:{self.high:g}:{self.step:g} is no range: give "
                "smallest:largest:step, none below 0"
            )
        if self.step == 0 and self.high > self.low:
            raise OutOfRangeError(
                f"{self.low:g}:{self.high:g} needs a step above 0: smallest:largest:step"
            )
        if self.step and (self.high - self.low) / self.step > MAX_PATTERNS:
            raise OutOfRangeError(
                f"{self.low:g}:{self.high:g}:{self.step:g} has too many values: give a larger step"
            )

    @property
    def values(self) -> tuple[float, ...]:
        """The values, rounded to 1e-4."""
        if not self.step:
            return (self.low,)
        count = int((self.high - self.low) / self.step + 1e-6) + 1
        return tuple(round(self.low + i * self.step, 4) for i in range(count))


@dataclass(frozen=True)
class PatternGrid:
    """Parameters of the patterns, and how they are recorded.

    Attributes
    ----------
    thickness_nm, mistilt_mrad, azimuth_deg, convergence_mrad : Steps
        A mistilt of 0 is taken with one azimuth only.
    size : int
        Pixels along a side.
    field : float
        Half the picture's width in convergence semi-angles.
    """

    thickness_nm: Steps
    mistilt_mrad: Steps
    azimuth_deg: Steps
    convergence_mrad: Steps
    size: int
    field: float

    def __post_init__(self) -> None:
        if not 16 <= self.size <= 4096:
            raise OutOfRangeError("the size of the patterns must lie between 16 and 4096 pixels")
        if not 0.1 <= self.field <= 10:
            raise OutOfRangeError("the field must lie between 0.1 and 10 convergence semi-angles")
        if self.count > MAX_PATTERNS:
            raise OutOfRangeError(
                f"{self.count} patterns are too many, at most {MAX_PATTERNS}: give larger steps"
            )

    @property
    def tilts(self) -> list[tuple[float, float]]:
        """Mistilt (mrad) and azimuth (degrees) of each direction, once."""
        azimuths = self.azimuth_deg.values
        return [
            (mistilt, azimuth)
            for mistilt in self.mistilt_mrad.values
            for azimuth in (azimuths if mistilt else azimuths[:1])
        ]

    @property
    def count(self) -> int:
        """How many patterns there are."""
        tilts = len(self.azimuth_deg.values) * (len(self.mistilt_mrad.values) - 1) + 1
        if self.mistilt_mrad.values[0]:
            tilts = len(self.azimuth_deg.values) * len(self.mistilt_mrad.values)
        return tilts * len(self.thickness_nm.values) * len(self.convergence_mrad.values)

    @property
    def bytes(self) -> int:
        """How much space they take, about."""
        return self.count * (4 * self.size**2 + 600)

    def mrad_per_pixel(self, convergence_mrad: float) -> float:
        """Angle per pixel of the patterns with a convergence angle."""
        return 2 * self.field * convergence_mrad / self.size

    def check(self, table: LacbedTable) -> None:
        """Refuse a grid that a table does not cover.

        Raises
        ------
        OutOfRangeError
            If it reaches beyond the table, or an angle of 0 was asked for.
        """
        if not self.convergence_mrad.low > 0:
            raise OutOfRangeError("the convergence semi-angles must be positive")
        check_covered(table, self.convergence_mrad.values[-1], self.mistilt_mrad.values[-1])
        table.thickness_weights(self.thickness_nm.values[-1])

    def row(self, id: int) -> RegisterRow:
        """The grid as the register's columns."""
        tilt, azimuth, alpha = self.mistilt_mrad, self.azimuth_deg, self.convergence_mrad
        return RegisterRow(
            id,
            thickness_angstrom=10 * self.thickness_nm.values[-1],
            thickness_step_angstrom=10 * self.thickness_nm.step,
            convergence_min_mrad=alpha.low,
            convergence_max_mrad=alpha.values[-1],
            convergence_step_mrad=alpha.step,
            mistilt_min_mrad=tilt.low,
            mistilt_max_mrad=tilt.values[-1],
            mistilt_step_mrad=tilt.step,
            azimuth_min_deg=azimuth.low,
            azimuth_max_deg=azimuth.values[-1],
            azimuth_step_deg=azimuth.step,
            dim=self.size,
        )


def default_grid(system: System, rotation_order: int, size: int, field: float) -> PatternGrid:
    """A grid of some thousand patterns over what a system covers.

    Parameters
    ----------
    system : System
    rotation_order : int
        Of the projection: azimuths beyond 360°/order show the same patterns, turned.
    size : int
    field : float
    """
    low, high = system.thickness_nm
    alpha_low, alpha_high = system.convergence_mrad
    tilt_low, tilt_high = system.mistilt_mrad
    step = min(2.0, high - low)
    start = step if low < step else low
    return PatternGrid(
        thickness_nm=Steps(start, high, step),
        mistilt_mrad=Steps(tilt_low, tilt_high, min(2.0, tilt_high - tilt_low)),
        azimuth_deg=Steps(0.0, 360.0 / rotation_order - 30.0, 30.0),
        convergence_mrad=Steps(alpha_low, alpha_high, round((alpha_high - alpha_low) / 2, 4)),
        size=size,
        field=field,
    )
