"""Answers of several systems to one pattern, the best first."""

from collections.abc import Iterable
from typing import Any

from pacbed.answer.estimate import Estimate

#: What may be believed goes before what may not.
_ORDER = {"ok": 0, "ambiguous": 1, "out_of_range": 2, "mismatch": 3}


def rank(estimates: Iterable[Estimate]) -> list[Estimate]:
    """Sort the answers of several systems to one pattern.

    Parameters
    ----------
    estimates : iterable of Estimate

    Returns
    -------
    list of Estimate
        ``ok`` before ``ambiguous`` before ``out_of_range`` before ``mismatch``, and
        of one status the one that leaves the least structured residual first.
    """
    return sorted(estimates, key=lambda e: (_ORDER[e.status], e.basis.structured_residual))


def ranking_entry(estimate: Estimate) -> dict[str, Any]:
    """Return what a table of ranked answers shows of one, ready for JSON.

    Parameters
    ----------
    estimate : Estimate

    Returns
    -------
    dict
        ``system``, ``status``, ``thickness_nm``, ``thickness_std_nm``,
        ``mistilt_mrad``, ``residual`` and ``structured_residual``.
    """
    names = ("system", "status", "thickness_nm", "thickness_std_nm", "mistilt_mrad", "residual")
    entry = {name: getattr(estimate, name) for name in names}
    return {**entry, "structured_residual": estimate.basis.structured_residual}
