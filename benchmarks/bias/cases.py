"""What is simulated: one aperture and tilt of each shipped system, three of SrTiO3 at 200 kV."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pacbed.library.recipe import Recipe, load_recipe
from pacbed.reference import ReferenceOptions

ROOT = Path(__file__).resolve().parents[2]
THICKNESSES_NM = tuple(np.arange(10.0, 101.0, 6.0).tolist())
#: Points of the patterns in a semi-angle, and half their width in semi-angles.
POINTS, FIELD = 20, 1.42


@dataclass(frozen=True)
class Case:
    """Conditions of one simulation."""

    system: str
    convergence_mrad: float
    tilt_mrad: tuple[float, float]

    @property
    def recipe(self) -> Recipe:
        return load_recipe(ROOT / "recipes" / f"{self.system}.toml")

    @property
    def high_tension_kV(self) -> float:  # noqa: N802 - a unit
        return float(self.system.rsplit("-", 1)[1].removesuffix("kV"))

    def options(self, seed: int, **changes: object) -> ReferenceOptions:
        """Of the reference engine, with one layer of atoms to a slice."""
        given: dict[str, object] = {
            "high_tension_kV": self.high_tension_kV,
            "convergence_mrad": self.convergence_mrad,
            "thicknesses_nm": THICKNESSES_NM,
            "tilt_x_mrad": self.tilt_mrad[0],
            "tilt_y_mrad": self.tilt_mrad[1],
            "configurations": 8,
            "slice_thickness_A": 1.6 if self.system.startswith("rutile") else 2.0,
            "max_angle_mrad": FIELD * self.convergence_mrad,
            "seed": seed,
            "resolution_mrad": self.convergence_mrad / POINTS,
            "deal_positions": True,
        }
        return ReferenceOptions(**{**given, **changes})  # type: ignore[arg-type]


CASES = (
    Case("sto-001-200kV", 13.6, (1.5, 0.7)),
    Case("sto-001-200kV", 16.5, (3.0, 1.5)),
    Case("sto-001-200kV", 20.0, (5.0, -2.0)),
    Case("rutile-001-80kV", 20.0, (3.0, 1.5)),
    Case("sto-001-80kV", 20.0, (3.0, 1.5)),
    Case("sto-001-300kV", 16.5, (3.0, 1.5)),
)
