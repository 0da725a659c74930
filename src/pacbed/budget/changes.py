"""What a specimen may have otherwise than its recipe says, one standard error of each."""

from dataclasses import dataclass, replace

import numpy as np

from pacbed.crystal.factor_errors import FactorErrors
from pacbed.crystal.projection import ProjectedCell

#: Relative standard errors that no source states: of the absorption (the Einstein model knows
#: nothing of how atoms move together, and of no loss but to phonons) and of the potential (bonds
#: move charge; tables of scattering factors of free atoms differ by less).
ABSORPTION, POTENTIAL = 0.2, 0.01
#: Standard deviation of the thickness within the recorded area, as a share of it.
SPREAD = 0.03


@dataclass(frozen=True)
class Change:
    """A crystal that is other than its recipe in one respect.

    Attributes
    ----------
    name, of : str
        See :class:`~pacbed.library.models.sensitivities.Shifts`.
    change : float
        Relative.
    cell : ProjectedCell
        The changed crystal.
    absorption : float
        Factor on its absorption.
    """

    name: str
    of: str
    change: float
    cell: ProjectedCell
    absorption: float = 1.0


def changes_of(cell: ProjectedCell, errors: FactorErrors) -> tuple[Change, ...]:
    """What is changed, each to be simulated once.

    Errors of Debye–Waller factors that a source states are independent of each other. All
    others are changed together: another temperature moves all of them one way.

    Parameters
    ----------
    cell : ProjectedCell
        As the recipe says.
    errors : FactorErrors
    """
    symbols = list(dict.fromkeys(cell.symbols))
    alone = [[symbol] for symbol in symbols if symbol in errors.stated]
    together = [symbol for symbol in symbols if symbol not in errors.stated]
    factors = [_other_factors(cell, group, errors) for group in (*alone, together) if group]
    lighter = replace(cell, weights=cell.weights * (1 - POTENTIAL))
    return (
        *factors,
        Change("absorption", "", ABSORPTION, cell, 1 + ABSORPTION),
        Change("potential", "", POTENTIAL, lighter),
    )


def _other_factors(cell: ProjectedCell, group: list[str], errors: FactorErrors) -> Change:
    """The factors of some elements, larger by their errors."""
    shares = np.array([errors.of(s) if s in group else 0.0 for s in cell.symbols])
    changed = replace(cell, b_iso=cell.b_iso * (1 + shares))
    return Change("debye_waller", ", ".join(group), float(shares.max()), changed)
