"""What makes two tables the same: the structure as understood, how it is seen, and the engine."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from pacbed.lacbed.options import TableOptions
from pacbed.library.models.model_files import SCHEMA
from pacbed.library.system import System
from pacbed.own_crystal.understood import Understood
from pacbed.version import __version__

#: Goes up when the physics or the stored form of tables changes between two versions.
ENGINE = 3
#: Options whose smaller, and whose larger, value makes a finer table; all others must agree.
_FINER_SMALL = ("direction_step_mrad", "thickness_step_nm", "slice_angstrom", "quantum")
_FINER_LARGE = ("g_max", "field")
#: Where a table is computed, not what it holds.
_NOT_OF_THE_TABLE = frozenset({"device"})
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class TableKey:
    """Which table is wanted.

    Attributes
    ----------
    crystal : str
        SHA-256 of the structure, axis, voltage and engine.
    convergence_mrad : tuple of float
    thickness_max_nm, mistilt_max_mrad : float
    options : TableOptions
    """

    crystal: str
    convergence_mrad: tuple[float, float]
    thickness_max_nm: float
    mistilt_max_mrad: float
    options: TableOptions

    @property
    def name(self) -> str:
        """Name of the table's folder, which begins with that of the crystal."""
        rest = {
            "ranges": [*self.convergence_mrad, self.thickness_max_nm, self.mistilt_max_mrad],
            "options": _compared(asdict(self.options)),
        }
        return f"{self.crystal_name}-{_digest(rest)[:24]}"

    @property
    def crystal_name(self) -> str:
        """Beginning of the names of all tables of this crystal."""
        return self.crystal[:40]

    def served_by(self, system: System, options: Any) -> bool:
        """Whether a table of these ranges and options holds all that is wanted, as finely.

        Parameters
        ----------
        system : System
            What the table covers.
        options : dict
            Of its provenance, whatever it holds.
        """
        low, high = system.convergence_mrad
        within = (
            low <= self.convergence_mrad[0] + _TOLERANCE
            and high >= self.convergence_mrad[1] - _TOLERANCE
            and system.thickness_nm[1] >= self.thickness_max_nm - _TOLERANCE
            and system.mistilt_mrad[1] >= self.mistilt_max_mrad - _TOLERANCE
        )
        # The recorded field counts in mrad, not in semi-angles of the largest aperture.
        field = self.options.field * self.convergence_mrad[1] / high
        return within and as_fine(options, replace(self.options, field=field))


def as_fine(have: Any, wanted: TableOptions) -> bool:
    """Whether a table with some options is at least as fine as one with others.

    Parameters
    ----------
    have : dict
        Options of a table's provenance, whatever it holds.
    wanted : TableOptions
    """
    if not isinstance(have, Mapping):
        return False
    need = _compared(asdict(wanted))
    if not all(name in have for name in need):
        return False
    try:
        return (
            all(have[name] <= need[name] + _TOLERANCE for name in _FINER_SMALL)
            and all(have[name] >= need[name] - _TOLERANCE for name in _FINER_LARGE)
            and all(
                have[name] == value
                for name, value in need.items()
                if name not in (*_FINER_SMALL, *_FINER_LARGE)
            )
        )
    except TypeError:
        return False


def table_key(understood: Understood, options: TableOptions) -> TableKey:
    """Key of the table that a crystal's conditions ask for."""
    asked, crystal = understood.conditions, understood.crystal
    sites = sorted(
        (symbol, *np.round(np.mod(position, 1.0), 6).tolist(), round(float(share), 6),
         round(float(factor), 6))
        for symbol, position, share, factor in zip(
            crystal.symbols, crystal.positions, crystal.occupancies, crystal.b_iso, strict=True
        )
    )  # fmt: skip
    structure = {
        "cell": np.round(crystal.cell, 6).tolist(),
        "sites": sites,
        "axis": asked.zone_axis,
        "high_tension_kV": asked.high_tension_kV,
        "version": __version__,
        "engine": ENGINE,
        "schema": SCHEMA,
    }
    return TableKey(
        _digest(structure),
        asked.convergence_mrad,
        asked.thickness_max_nm,
        asked.mistilt_max_mrad,
        options,
    )


def _compared(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in _NOT_OF_THE_TABLE}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
