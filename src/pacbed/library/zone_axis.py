"""A zone axis as text, the way that people write it."""

import re

from pacbed.errors import CrystalError

_INDICES = re.compile(r"[+-]?\d+")
_DIGITS = re.compile(r"(?:-?\d){3}")


def parse_zone_axis(text: str) -> tuple[int, int, int]:
    """Read a direction [uvw] such as ``0 0 1``, ``[1 -1 0]``, ``1,1,0`` or ``001``.

    Parameters
    ----------
    text : str
        Three whole numbers, apart or, where each has one digit, together.

    Returns
    -------
    tuple of int
        u, v and w.

    Raises
    ------
    CrystalError
        If the text is not three whole numbers, or all of them are zero.
    """
    bare = text.strip().strip("[]").strip()
    parts = [part for part in re.split(r"[\s,;]+", bare) if part]
    if len(parts) == 1 and _DIGITS.fullmatch(bare):
        parts = re.findall(r"-?\d", bare)
    if len(parts) != 3 or not all(_INDICES.fullmatch(part) for part in parts):
        raise CrystalError(
            f'the zone axis "{text}" is not three whole numbers: write it like "0 0 1".'
        )
    u, v, w = (int(part) for part in parts)
    if u == v == w == 0:
        raise CrystalError('the zone axis "0 0 0" is no direction: write it like "0 0 1".')
    return u, v, w


def format_zone_axis(zone_axis: tuple[int, int, int]) -> str:
    """Write a direction as ``[001]``, or ``[1 0 12]`` where an index has two digits."""
    separator = "" if all(abs(index) < 10 for index in zone_axis) else " "
    return f"[{separator.join(str(index) for index in zone_axis)}]"
