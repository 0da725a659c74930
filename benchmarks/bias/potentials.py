"""Tables with other potentials: as they were, and with each of the mends alone.

`first_order` is the Debye–Waller factor and the absorption integral (Hall & Hirsch 1965), as
tables had them until 2026-11-27; `mean` the mean transmission to all orders; `now` that and what
higher Laue zones do; `still` atoms at rest, without absorption.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from unittest import mock

import numpy as np
from scipy.interpolate import CubicSpline

from pacbed.crystal.form_factor import scattering_factor
from pacbed.crystal.projection import project
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.options import TableOptions
from pacbed.lacbed.table import LacbedTable
from pacbed.library.recipe import Recipe

KINDS = ("first_order", "mean", "now", "still")
#: Of the absorption integral: largest |q|, 1/Å, points along it and in a quarter of all angles.
_Q_MAX, _RADIAL, _QUARTER = 16.0, 160, 12
_ZONES, _FACTOR = "pacbed.crystal.scattering.higher_zones", "pacbed.crystal.scattering.mean_factor"


def table(recipe: Recipe, kind: str, keep: Path, convergence_mrad: float = 21.0) -> LacbedTable:
    """The table of a kind, finely stored, from the folder `keep` if it is there."""
    path = keep / f"{recipe.system.name}-{kind}.npz"
    if path.exists():
        return LacbedTable.load(path)
    crystal = recipe.crystal
    if kind == "still":
        crystal = replace(crystal, b_iso=np.zeros(len(crystal.symbols)))
    with potential(kind):
        made = simulate_table(
            project(crystal, recipe.system.zone_axis), recipe.system.high_tension_kV,
            convergence_mrad, 7.0, 104.0, TableOptions(quantum=5e-4), absorption=kind != "still",
        )  # fmt: skip
    keep.mkdir(parents=True, exist_ok=True)
    made.save(path)
    return made


@contextlib.contextmanager
def potential(kind: str) -> Iterator[None]:
    """Potentials of a kind, within the block."""
    with contextlib.ExitStack() as stack:
        if kind in ("first_order", "mean"):
            none = lambda stacking, g, kV: np.zeros(g.shape[:-1])  # noqa: E731
            stack.enter_context(mock.patch(_ZONES, none))
        if kind == "first_order":
            stack.enter_context(mock.patch(_FACTOR, first_order))
        yield


def first_order(symbol: str, b_iso: float, strength: float, g: np.ndarray) -> np.ndarray:
    """See :func:`pacbed.crystal.mean_scattering.mean_factor`."""
    elastic = scattering_factor(symbol)(g) * np.exp(-b_iso * g**2 / 4)
    return elastic + 0.5j * strength * _absorption(symbol, round(b_iso, 6), 20.0)(np.minimum(g, 20))


@lru_cache(maxsize=64)
def _absorption(symbol: str, b_iso: float, g_max: float) -> CubicSpline:
    """∫d²q f(|q|) f(|g−q|) [exp(−B g²/4) − exp(−B (q² + |g−q|²)/4)]."""
    factor = scattering_factor(symbol)
    nodes, weights = np.polynomial.legendre.leggauss(_RADIAL)
    u = (nodes + 1) / 2
    radius, weight = _Q_MAX * u**2, weights * _Q_MAX * u
    angle = np.pi / 2 * (np.arange(_QUARTER) + 0.5) / _QUARTER
    qx, qy = radius[:, None] * np.cos(angle), radius[:, None] * np.sin(angle)
    grid = np.arange(0.0, g_max + 0.05, 0.05)
    values = []
    for g in grid:
        # Around the middle of the integrand's two peaks, where quarters are alike.
        first, second = np.hypot(qx + g / 2, qy), np.hypot(qx - g / 2, qy)
        thermal = np.exp(-b_iso * g**2 / 4) - np.exp(-b_iso * (first**2 + second**2) / 4)
        integrand = factor(first) * factor(second) * thermal
        values.append((integrand.mean(axis=1) * 2 * np.pi * radius * weight).sum())
    return CubicSpline(grid, values)
