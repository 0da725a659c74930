"""The table of an understood crystal: from the cache, or simulated."""

import dataclasses
import tempfile
import warnings
import weakref
from pathlib import Path

from pacbed.budget.kept import kept_sensitivities
from pacbed.crystal.factor_errors import factor_errors_of_cif
from pacbed.errors import CrystalError, FileFormatError, OutOfRangeError, PacbedError
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.cost import LARGEST_FILE_BYTES, check_cost
from pacbed.lacbed.options import TableOptions
from pacbed.lacbed.sampling import choose_sampling
from pacbed.lacbed.table import LacbedTable
from pacbed.lacbed.too_large import TableTooLargeError
from pacbed.lacbed.workers import Progress
from pacbed.library.models.table_model import TableModel, write_table_model
from pacbed.own_crystal.table_cache import TableCache
from pacbed.own_crystal.table_key import table_key
from pacbed.own_crystal.understood import Understood
from pacbed.version import __version__

#: A table of a wider range, as a ratio, is sampled for its larger apertures: as finely as the
#: smallest would like, it would be too large. They are read all the same.
_WIDEST = 4.4
#: What makes the table of one's own crystal smaller.
_SMALLER = "a smaller largest convergence angle, --mistilt-max or --thickness-max"


def table_options(understood: Understood) -> TableOptions:
    """Sampling of a crystal's table, as fine as its patterns need."""
    asked = understood.conditions
    low, high = asked.convergence_mrad
    return choose_sampling(
        understood.cell,
        asked.high_tension_kV,
        (max(low, high / _WIDEST), high),
        asked.mistilt_max_mrad,
        asked.thickness_max_nm,
    )


def check_understood(understood: Understood, options: TableOptions) -> None:
    """Refuse what cannot be simulated here, before it begins.

    Raises
    ------
    CrystalError, OutOfRangeError
        With what to ask for in its place.
    """
    asked = understood.conditions
    try:
        check_cost(
            understood.cell,
            asked.high_tension_kV,
            asked.convergence_mrad[1],
            asked.mistilt_max_mrad,
            asked.thickness_max_nm,
            options,
        )
    except (CrystalError, OutOfRangeError) as error:
        raise _named_error(asked.cif, error) from error


def simulate_understood(
    understood: Understood, options: TableOptions, progress: Progress | None = None
) -> LacbedTable:
    """Simulate the table of a crystal.

    Raises
    ------
    CrystalError, OutOfRangeError
        If it cannot be made or stored, before the work begins; the message says what to change.
    """
    check_understood(understood, options)
    asked = understood.conditions
    try:
        return simulate_table(
            understood.cell,
            asked.high_tension_kV,
            asked.convergence_mrad[1],
            asked.mistilt_max_mrad,
            asked.thickness_max_nm,
            options,
            progress=progress,
            file_bytes_max=LARGEST_FILE_BYTES,
        )
    except (CrystalError, OutOfRangeError) as error:
        raise _named_error(asked.cif, error) from error


def _named_error(cif: Path, error: CrystalError | OutOfRangeError) -> PacbedError:
    """The error with the name of its file, and what can be given where a crystal is one's own."""
    if isinstance(error, TableTooLargeError):
        # The sampling is chosen, and not given.
        return OutOfRangeError(f"{cif}: {error.words(_SMALLER, step=None)}")
    return type(error)(f"{cif}: {error}")


def provenance(understood: Understood, table: LacbedTable) -> dict[str, object]:
    """What a model of this table says of itself."""
    return {
        "version": __version__,
        "options": table.provenance.get("options", {}),
        "table": table.provenance,
        "b_iso": {factor.symbol: factor.words() for factor in understood.factors},
        "directions": understood.directions.to_dict(),
        "sources": dict(understood.sources),
    }


def table_model(
    understood: Understood,
    name: str | None = None,
    progress: Progress | None = None,
    cache: bool = True,
    budget: Progress | None = None,
) -> TableModel:
    """The table model of a crystal, from the cache where a table there serves.

    Parameters
    ----------
    understood : Understood
    name : str, optional
        Of its system.
    progress : callable, optional
        Called with the finished share of a simulation, 0..1.
    cache : bool
        Whether a table may be taken from the user's cache, and is kept there.
    budget : callable, optional
        Called with the finished share, 0..1, of measuring how far answers move where the specimen
        is other than the structure; without it that is not measured.

    Raises
    ------
    CrystalError, OutOfRangeError
        If the table cannot be simulated.

    Warns
    -----
    UserWarning
        If the cache cannot be used; then the table is simulated all the same.
    """
    options = table_options(understood)

    made: list[LacbedTable] = []

    def make(folder: Path) -> None:
        # Once, also where it then could not be kept.
        if not made:
            made.append(simulate_understood(understood, options, progress))
        said = provenance(understood, made[0])
        write_table_model(folder, understood.system(), made[0], said)

    if cache:
        try:
            found = TableCache().find_or_make(table_key(understood, options), make)
        except FileFormatError as error:
            warnings.warn(f"tables are not kept: {error}", UserWarning, stacklevel=2)
        else:
            return _named(found, understood, name, budget)
    folder = tempfile.TemporaryDirectory(prefix="pacbed-table-", ignore_cleanup_errors=True)
    place = Path(folder.name)
    make(place)
    model = _named(TableModel.load(place), understood, name, budget)
    # The folder lives as long as the model, which may be asked to copy itself.
    weakref.finalize(model, folder.cleanup)
    return model


def _named(
    model: TableModel, understood: Understood, name: str | None, budget: Progress | None
) -> TableModel:
    """The model under the ranges that were asked for, which its table may go beyond."""
    table, sensitivities = model.table, model.sensitivities
    if budget is not None:
        asked = understood.conditions
        errors = factor_errors_of_cif(asked.cif, asked.b_iso)
        sensitivities = kept_sensitivities(model, understood.cell, errors, budget)
    said = {
        **model.provenance,
        "directions": understood.directions.to_dict(),
        "b_iso": {factor.symbol: factor.words() for factor in understood.factors},
        "sources": dict(understood.sources),
    }
    named = dataclasses.replace(
        model, system=understood.system(name), provenance=said, sensitivities=sensitivities
    )
    named.__dict__["table"] = table  # what is read already
    return named
