"""The sensitivities of a model: those that it has, or measured and put into it."""

import warnings
from collections.abc import Callable

from pacbed.budget.measure import errors_of, measure_sensitivities
from pacbed.crystal.factor_errors import FactorErrors
from pacbed.crystal.projection import ProjectedCell
from pacbed.errors import BundleError
from pacbed.library.models.kinds import Model, write_sensitivities
from pacbed.library.models.sensitivities import Sensitivities


def kept_sensitivities(
    model: Model,
    cell: ProjectedCell,
    errors: FactorErrors,
    progress: Callable[[float], None],
    again: bool = False,
) -> Sensitivities:
    """How far a model's answers move where the specimen is other than the recipe.

    Parameters
    ----------
    model : Model
        With a table.
    cell : ProjectedCell
        What the table is of.
    errors : FactorErrors
        Of its Debye–Waller factors; where they are others than before, all is measured again.
    progress : callable
        Called with the finished share, 0..1; may raise to end the work.
    again : bool
        Measure whatever the model has.

    Raises
    ------
    CrystalError, OutOfRangeError
        If the crystal cannot be simulated.

    Warns
    -----
    UserWarning
        If the model's folder cannot be written; then the next time measures anew.
    """
    have = model.sensitivities
    said = errors_of(cell, errors)
    if have is not None and not again and said.items() <= have.provenance.items():
        return have
    found = measure_sensitivities(cell, model.system, errors, progress)
    try:
        write_sensitivities(model.folder, found)
    except (BundleError, OSError) as error:
        warnings.warn(f"the budget's shifts are not kept: {error}", UserWarning, stacklevel=2)
    return found
