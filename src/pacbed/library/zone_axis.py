"""A zone axis as text, the way that people write it."""

import math
import re
from collections.abc import Sequence

from pacbed.errors import CrystalError

_INDICES = re.compile(r"[+-]?\d{1,6}")
_DIGITS = re.compile(r"(?:-?\d){3,4}")


def parse_zone_axis(text: str) -> tuple[int, int, int]:
    """Read a direction [uvw] such as ``0 0 1``, ``[1 -1 0]``, ``1,1,0`` or ``001``.

    Parameters
    ----------
    text : str
        Three whole numbers, apart or, where each has one digit, together; or the four
        of a hexagonal direction [uvtw] such as ``0 0 0 1`` or ``11-20``.

    Returns
    -------
    tuple of int
        u, v and w.

    Raises
    ------
    CrystalError
        If the text is not three or four whole numbers, or no direction.
    """
    if "(" in text or "{" in text:
        raise CrystalError(
            f'the zone axis "{text}" is a plane: give the direction [uvw] along the beam, like '
            '"1 1 0".'
        )
    bare = text.strip().strip("[]").strip()
    parts = [part for part in re.split(r"[\s,;]+", bare) if part]
    if len(parts) == 1 and _DIGITS.fullmatch(bare):
        parts = re.findall(r"-?\d", bare)
    if len(parts) not in (3, 4) or not all(_INDICES.fullmatch(part) for part in parts):
        raise CrystalError(
            f'the zone axis "{text}" is not three whole numbers (or four, of a hexagonal '
            'crystal): write it like "0 0 1".'
        )
    return three_indices([int(part) for part in parts])


def three_indices(indices: Sequence[int]) -> tuple[int, int, int]:
    """Bring a direction with three or four indices to [uvw].

    The hexagonal [uvtw] stands for u **a**₁ + v **a**₂ + t **a**₃ + w **c** with
    **a**₃ = −**a**₁ − **a**₂, which is [u−t, v−t, w]; it is shortened.

    Parameters
    ----------
    indices : sequence of int

    Returns
    -------
    tuple of int

    Raises
    ------
    CrystalError
        If they are all zero, or u + v + t is not 0.
    """
    if len(indices) == 4:
        u, v, t, w = indices
        if u + v + t:
            raise CrystalError(
                f"in the zone axis {list(indices)} u + v + t is not 0: write a hexagonal "
                'direction like "0 0 0 1" or "1 1 -2 0", or give three numbers.'
            )
        divisor = math.gcd(u - t, v - t, w) or 1
        indices = [(u - t) // divisor, (v - t) // divisor, w // divisor]
    u, v, w = indices
    if u == v == w == 0:
        raise CrystalError('the zone axis "0 0 0" is no direction: write it like "0 0 1".')
    return u, v, w


def format_zone_axis(zone_axis: tuple[int, int, int] | None) -> str:
    """Write a direction as ``[001]``, or ``[1 0 12]`` where an index has two digits.

    One that is not known is ``[?]``.
    """
    if zone_axis is None:
        return "[?]"
    separator = "" if all(abs(index) < 10 for index in zone_axis) else " "
    return f"[{separator.join(str(index) for index in zone_axis)}]"
