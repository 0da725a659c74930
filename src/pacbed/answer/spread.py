"""How far thickness and tilt spread within the averaged area."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class SpreadPart:
    """A standard deviation within the averaged area, as the pattern shows it.

    Attributes
    ----------
    value : float
        Standard deviation; 0 where the pattern shows none.
    below : float
        What it is below with a probability of 95 %.
    seen : bool
        Whether it is more than what chance and the model's errors make.
    """

    value: float
    below: float
    seen: bool


@dataclass(frozen=True)
class SpecimenSpread:
    """What a pattern says of a specimen that is no slab.

    Attributes
    ----------
    thickness_nm : SpreadPart
        Spread of the thickness: steps, a wedge.
    tilt_mrad : SpreadPart
        Spread of a component of the tilt: bending, mosaic blocks.
    mean_thickness_nm : float
        Thickness with the spreads that are seen freed; the mean over the area.
    mean_tilt_mrad : tuple of float
        Tilt (x, y) in the pattern, the same.
    moved_nm, moved_mrad : float
        How far they are from the answer of one slab.
    """

    thickness_nm: SpreadPart
    tilt_mrad: SpreadPart
    mean_thickness_nm: float
    mean_tilt_mrad: tuple[float, float]
    moved_nm: float
    moved_mrad: float

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts and numbers, ready for JSON."""
        return asdict(self)


def spread_rows(spread: SpecimenSpread) -> list[tuple[str, str]]:
    """Names and words, to be shown under an answer."""
    rows = [
        ("Thickness spread", _words(spread.thickness_nm, "nm")),
        ("Tilt spread", _words(spread.tilt_mrad, "mrad")),
    ]
    if spread.thickness_nm.seen or spread.tilt_mrad.seen:
        x, y = spread.mean_tilt_mrad
        rows.append(
            (
                "With the spread",
                f"{spread.mean_thickness_nm:.2f} nm, tilt ({x:+.2f}, {y:+.2f}) mrad",
            )
        )
    return rows


def _words(part: SpreadPart, unit: str) -> str:
    if part.seen:
        return f"{part.value:.2g} {unit} (standard deviation; below {part.below:.2g} {unit})"
    return f"none seen (below {part.below:.2g} {unit})"
