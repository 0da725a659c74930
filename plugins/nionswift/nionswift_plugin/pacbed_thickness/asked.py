"""The question in one line of text: which system, and which convergence semi-angle."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pacbed.errors import OutOfRangeError
from pacbed.library.system import System

from nionswift_plugin.pacbed_thickness.pattern import SwiftPattern

#: What is asked.
QUESTION = "System, and convergence semi-angle in mrad (without it: found from the pattern)"
#: Voltages that differ by less, as a share, are the same.
_SAME_VOLTAGE = 0.02


@dataclass(frozen=True)
class Asked:
    """What to infer with.

    Attributes
    ----------
    system : str
    convergence_mrad : float or None
        None where it is to be found.
    """

    system: str
    convergence_mrad: float | None

    @property
    def text(self) -> str:
        """As it is written in the line."""
        angle = self.convergence_mrad
        return self.system if angle is None else f"{self.system}, {angle:g}"


def suggested(pattern: SwiftPattern, systems: Sequence[System], last: str | None) -> Asked:
    """What stands in the line before anything is typed.

    Parameters
    ----------
    pattern : SwiftPattern
    systems : sequence of System
    last : str or None
        The system that was asked for before; it stays where its voltage can be right.
    """
    voltage = pattern.high_tension_kV
    fitting = [
        system.name
        for system in systems
        if voltage is None or abs((system.high_tension_kV or 0) / voltage - 1) < _SAME_VOLTAGE
    ]
    name = last if last in fitting else next(iter(fitting), "")
    return Asked(name, pattern.convergence_mrad)


def parse(text: str) -> Asked:
    """Read the line.

    Raises
    ------
    OutOfRangeError
        If it is no system with an angle or without.
    """
    name, _, angle = (part.strip() for part in text.partition(","))
    try:
        convergence = float(angle.removesuffix("mrad")) if angle else None
    except ValueError:
        convergence = math.nan
    if not name or (convergence is not None and not 0 < convergence < 1000):
        raise OutOfRangeError(f'"{text}": write a system and an angle, such as sto-001-300kV, 20.')
    return Asked(name, convergence)
