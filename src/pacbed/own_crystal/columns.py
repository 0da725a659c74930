"""The columns of atoms that the beam sees, for a small drawing of the projected cell."""

from typing import Any

from pacbed.crystal.projection import ProjectedCell

#: More columns are no drawing.
_MOST = 400
#: Fractional.
_ROUNDING = 1e-6


def columns_of(cell: ProjectedCell) -> dict[str, Any] | None:
    """Lattice vectors and columns of a projected cell, as JSON takes them.

    Parameters
    ----------
    cell : ProjectedCell

    Returns
    -------
    dict or None
        ``cell_A``, the two lattice vectors (x to the right, y downwards, Å), and ``columns``,
        each with ``symbol`` and its place ``x_A``, ``y_A``. None of a cell with too many of them.
    """
    if len(cell.symbols) > _MOST:
        return None
    # Rounding leaves zeros as little less than nothing, or than one.
    places = ((cell.positions + _ROUNDING) % 1.0 - _ROUNDING) @ cell.cell
    return {
        "cell_A": cell.cell.tolist(),
        "columns": [
            {"symbol": symbol, "x_A": float(x), "y_A": float(y)}
            for symbol, (x, y) in zip(cell.symbols, places, strict=True)
        ],
    }
