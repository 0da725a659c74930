"""What an answer's error is made of: named parts, whose squares add up."""

import math
from dataclasses import dataclass

#: What the parts are, in the order in which they stand.
PART_WORDS = {
    "noise": "the electrons' noise",
    "convergence": "convergence angle, which the fit finds",
    "model": "what the model lacks",
    "debye_waller": "Debye-Waller factors",
    "absorption": "absorption",
    "potential": "potential",
    "thickness_spread": "spread of the thickness in the area",
}


@dataclass(frozen=True)
class BudgetPart:
    """One part of the error of an answer.

    Attributes
    ----------
    name : str
        ``noise``, ``convergence``, ``model``, ``debye_waller``, ``absorption``, ``potential`` or
        ``thickness_spread``.
    change : float or None
        Relative standard error that was assumed of what the part is named after; None where none
        was.
    thickness_nm : float
        Standard error that it gives the thickness, nm.
    tilt_mrad : float
        The same of a component of the tilt, mrad.
    in_std : bool
        Whether ``thickness_std_nm`` and ``tilt_std_mrad`` of the answer hold it.
    """

    name: str
    change: float | None
    thickness_nm: float
    tilt_mrad: float
    in_std: bool


@dataclass(frozen=True)
class Budget:
    """All parts of the error of an answer.

    Attributes
    ----------
    parts : tuple of BudgetPart
        Independent of each other: their squares add up.
    thickness_total_nm : float
        Standard error of the thickness with all parts, nm.
    tilt_total_mrad : float
        The same of a component of the tilt, mrad.
    measured : bool
        Whether the parts that ``thickness_std_nm`` does not hold were measured for this system;
        else they are usual ones.
    """

    parts: tuple[BudgetPart, ...]
    thickness_total_nm: float
    tilt_total_mrad: float
    measured: bool

    @classmethod
    def of(cls, parts: tuple[BudgetPart, ...], measured: bool) -> "Budget":
        """The budget of some parts."""
        return cls(
            parts,
            math.hypot(*(part.thickness_nm for part in parts)),
            math.hypot(*(part.tilt_mrad for part in parts)),
            measured,
        )


def total_words(budget: Budget) -> str:
    """The error with all parts, in one line."""
    beside = "errors of the recipe" if budget.measured else "usual errors of a recipe"
    return (
        f"± {budget.thickness_total_nm:.2g} nm, ± {budget.tilt_total_mrad:.2g} mrad with {beside}"
    )


#: Heads of the table of :func:`budget_rows`; the numbers stand in the last two.
BUDGET_HEADS = ("part of the error", "in the error bar", "thickness/nm", "tilt/mrad")


def budget_rows(budget: Budget) -> list[list[str]]:
    """Cells under :data:`BUDGET_HEADS`: a row for each part, and one for all together."""
    rows = [
        [part_words(part), "yes" if part.in_std else "no", *_numbers(part)] for part in budget.parts
    ]
    total = f"{budget.thickness_total_nm:.3f}", f"{budget.tilt_total_mrad:.4f}"
    return [*rows, ["in all", "", *total]]


def _numbers(part: BudgetPart) -> tuple[str, str]:
    return f"{part.thickness_nm:.3f}", f"{part.tilt_mrad:.4f}"


def part_words(part: BudgetPart) -> str:
    """Name of a part with what was assumed."""
    words = PART_WORDS.get(part.name, part.name)
    return words if part.change is None else f"{words} ± {100 * part.change:.3g} %"
