"""Measure the sensitivities of a system: small sister tables, and fits' responses to them."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pacbed.arrays import Numbers
from pacbed.budget.changes import SPREAD, Change, changes_of
from pacbed.budget.responses import Moved, Place, Responses
from pacbed.crystal.factor_errors import FactorErrors
from pacbed.crystal.projection import ProjectedCell
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.field import worth_mrad
from pacbed.lacbed.sampling import choose_sampling
from pacbed.lacbed.table import LacbedTable
from pacbed.lacbed.workers import run_in_threads
from pacbed.library.models.sensitivities import Sensitivities, Shifts
from pacbed.library.system import System
from pacbed.units import electron_wavelength
from pacbed.version import __version__

#: Convergence semi-angles, mrad, that shifts are measured at where the system covers them; nearer
#: to each other than this ratio, one between them.
_CONVERGENCE_MRAD, _APART = (10.0, 20.0), 1.3
#: Thinnest crystal, nm, and how many thicknesses from there to the thickest.
_THINNEST_NM, _THICKNESSES = 5.0, 10
#: Mistilts, mrad, where the system covers them, and their azimuths, rad: no mirror of a crystal.
_MISTILTS_MRAD, _AZIMUTHS = (0.0, 3.0, 6.0), (0.0, 0.4, 1.2)
#: Recorded field, semi-angles of the largest aperture: what a fit looks at, and room beside.
_FIELD = 1.45
#: Step of the coefficients: differences of tables are told from it.
_QUANTUM = 5e-4
#: Share of the work that the tables are.
_SIMULATION = 0.6


@dataclass(frozen=True)
class Nodes:
    """Where shifts are measured.

    Attributes
    ----------
    convergence_mrad : ndarray, shape (A,)
    thicknesses_nm : ndarray, shape (T,)
    mistilts_mrad : ndarray, shape (M,)
    """

    convergence_mrad: Numbers
    thicknesses_nm: Numbers
    mistilts_mrad: Numbers

    @classmethod
    def of(cls, system: System) -> "Nodes":
        """What a system covers of what is usual."""
        low, high = (float(np.clip(a, *system.convergence_mrad)) for a in _CONVERGENCE_MRAD)
        angles = [low, high] if high / low > _APART else [math.sqrt(low * high)]
        thickest = system.thickness_nm[1]
        thinnest = min(_THINNEST_NM, thickest / 2)
        largest = min(system.mistilt_mrad[1], _MISTILTS_MRAD[-1])
        return cls(
            np.round(angles, 3),
            np.round(np.geomspace(thinnest, thickest, _THICKNESSES), 2),
            np.round(np.array(_MISTILTS_MRAD) * largest / _MISTILTS_MRAD[-1], 3),
        )

    def places(self) -> Iterator[tuple[int, int, Place]]:
        """Number of the angle and of the mistilt, and the place."""
        for a, angle in enumerate(self.convergence_mrad):
            for m, size in enumerate(self.mistilts_mrad):
                azimuth = _AZIMUTHS[m]
                tilt = size * np.array([math.cos(azimuth), math.sin(azimuth)])
                yield a, m, Place(tilt, float(angle))


def measure_sensitivities(
    cell: ProjectedCell,
    system: System,
    errors: FactorErrors,
    progress: Callable[[float], None],
) -> Sensitivities:
    """Measure how far answers move where a specimen is other than its recipe.

    A pattern of the changed crystal is one of the recipe's crystal and a small difference, whose
    projection on the fit's derivatives is the shift of the answer, to first order in the change.

    Parameters
    ----------
    cell : ProjectedCell
        As the recipe says.
    system : System
        Says which thicknesses, tilts and angles are of interest.
    errors : FactorErrors
    progress : callable
        Called with the finished share, 0..1; may raise to end the work.

    Raises
    ------
    CrystalError, OutOfRangeError
        If the crystal cannot be simulated.
    """
    nodes = Nodes.of(system)
    changes = changes_of(cell, errors)
    tables = _tables(cell, system.known_high_tension_kV, nodes, changes, progress)
    shape = (len(nodes.convergence_mrad), len(nodes.thicknesses_nm), len(nodes.mistilts_mrad))
    thickness = np.zeros((len(changes) + 1, *shape))
    tilt = np.zeros_like(thickness)
    for a, t, m, moved in _responses(tables, nodes, progress):
        thickness[:, a, t, m], tilt[:, a, t, m] = moved.thickness_nm, moved.tilt_mrad
    kinds = [(one.name, one.of, one.change) for one in changes]
    kinds.append(("thickness_spread", "", SPREAD))
    shifts = tuple(
        Shifts(*kind, shift, component)
        for kind, shift, component in zip(kinds, thickness, tilt, strict=True)
    )
    progress(1.0)
    said = {
        "version": __version__,
        **errors_of(cell, errors),
        "options": tables[0].provenance["options"],
    }
    return Sensitivities(
        nodes.convergence_mrad, nodes.thicknesses_nm, nodes.mistilts_mrad, shifts, said
    )


def _tables(
    cell: ProjectedCell,
    high_tension_kV: float,
    nodes: Nodes,
    changes: tuple[Change, ...],
    progress: Callable[[float], None],
) -> list[LacbedTable]:
    """Tables of the crystal and of its sisters, on one grid."""
    angles, thickest = nodes.convergence_mrad, float(nodes.thicknesses_nm[-1]) * (1 + SPREAD)
    span, mistilt = (float(angles.min()), float(angles.max())), float(nodes.mistilts_mrad.max())
    lattice_mrad = cell.reciprocal * electron_wavelength(high_tension_kV) * 1e3
    worth = max(worth_mrad(lattice_mrad, angle) for angle in span)
    options = replace(
        choose_sampling(cell, high_tension_kV, span, mistilt, thickest),
        field=max(_FIELD, worth / span[1]),
        quantum=_QUANTUM,
    )
    crystals = [(cell, 1.0), *((change.cell, change.absorption) for change in changes)]
    tables: list[LacbedTable] = []

    def tell(share: float) -> None:
        progress(_SIMULATION * (len(tables) + share) / len(crystals))

    for changed, absorption in crystals:
        tables.append(
            simulate_table(
                changed, high_tension_kV, span[1], mistilt, thickest, options, tell, absorption
            )
        )
    return tables


def _responses(
    tables: list[LacbedTable], nodes: Nodes, progress: Callable[[float], None]
) -> Iterator[tuple[int, int, int, Moved]]:
    """Numbers of angle, thickness and mistilt, and the shifts there."""
    places = list(nodes.places())

    def task(number: int, tick: Callable[[], None]) -> list[tuple[int, int, int, Moved]]:
        a, m, place = places[number]
        responses = Responses(tables[0], tables[1:], place)
        found = []
        for t, thickness in enumerate(nodes.thicknesses_nm):
            tick()
            found.append((a, t, m, responses.at(float(thickness), SPREAD)))
        return found

    def tell(done: int) -> None:
        progress(_SIMULATION + (1 - _SIMULATION) * done / len(places))

    for part in run_in_threads(task, range(len(places)), tell):
        yield from part


def errors_of(cell: ProjectedCell, errors: FactorErrors) -> dict[str, Any]:
    """What was assumed of the factors of a crystal, as the provenance of sensitivities says it."""
    symbols = dict.fromkeys(cell.symbols)
    return {
        "b_iso_error": {symbol: round(errors.of(symbol), 4) for symbol in symbols},
        "b_iso_error_stated": sorted(set(errors.stated) & set(symbols)),
    }
