"""The example patterns that the page offers."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pacbed.errors import PacbedError
from pacbed.library.csv_table import CsvRows
from pacbed.library.examples import FOLDERS
from pacbed.library.installed import match_system
from pacbed.library.system import System
from pacbed.library.zone_axis import parse_zone_axis


@dataclass(frozen=True)
class Example:
    """A pattern with the conditions that it was made at.

    Attributes
    ----------
    path : Path
    material : str
    high_tension_kV : float
    zone_axis : tuple of int
    convergence_mrad : float
    thickness_nm : float
        What the answer should be.
    """

    path: Path
    material: str
    high_tension_kV: float
    zone_axis: tuple[int, int, int]
    convergence_mrad: float
    thickness_nm: float

    def system_among(self, systems: list[System]) -> System | None:
        """Find the system that the example is for, if it is installed."""
        try:
            return match_system(
                systems,
                material=self.material,
                high_tension_kV=self.high_tension_kV,
                zone_axis=self.zone_axis,
            )
        except PacbedError:
            return None


@cache
def load_examples() -> dict[str, Example]:
    """Find the examples, by the names of their files."""
    for folder in FOLDERS:
        table = folder / "labels.csv"
        if table.is_file():
            rows = CsvRows(table.read_text(encoding="utf-8"))
            return {row["path"]: _example(folder, row) for row in rows.records()}
    return {}


def _example(folder: Path, row: dict[str, str]) -> Example:
    low, high = float(row["thickness_min_nm"]), float(row["thickness_max_nm"])
    return Example(
        path=folder / row["path"],
        material=row["material"],
        high_tension_kV=float(row["high_tension_kV"]),
        zone_axis=parse_zone_axis(row["zone_axis"]),
        convergence_mrad=float(row["convergence_mrad"]),
        thickness_nm=(low + high) / 2,
    )
