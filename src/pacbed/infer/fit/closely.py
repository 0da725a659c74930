"""The last steps of a fit, with a pattern as exact as the table allows."""

from pacbed.infer.fit.edges import EdgeShelf
from pacbed.infer.fit.found import Fit
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.fit.pattern_fit import fit_pattern
from pacbed.infer.fit.pattern_model import Shelf
from pacbed.infer.fit.samples import Samples
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.disks import grid_stride
from pacbed.pattern.grid import step_mrad

#: With fewer steps of the table's grid in a convergence semi-angle, edges are drawn as they are:
#: where every direction is summed already; where every second one is; of a thin crystal, up to this
#: thickness in nm, whose contrast is weak beside its edges.
_COARSE, _COARSE_SECOND, COARSE_THIN, THIN_NM = 28, 20, 36, 15.0
#: Steps with every direction of a table, and with edges as they are: those of a thin crystal may
#: have been held up by the ripples of the others.
_EVERY_STEPS, _EDGE_STEPS = 2, 6


def fit_closely(
    samples: Samples, table: LacbedTable, start: FitParameters, fit: Fit, shelf: ModelShelf
) -> Fit:
    """End a fit that has come near.

    Every second direction of a fine table is enough to come near, and edges drawn on the grid are.
    The first blur the fringes of thick crystals: fits of patterns of a table of 0.5 mrad by
    every second direction of the same table were up to 0.7 nm off beyond 70 nm, and 0.15 mrad
    below 15 nm. The others leave ripples where steps are coarse, see :mod:`pacbed.infer.fit.edges`.

    Parameters
    ----------
    samples : Samples
    table : LacbedTable
    start : FitParameters
        What is known is centred on it; see :meth:`Known.centred`.
    fit : Fit
        The end of a fit of the same samples.
    shelf : ModelShelf
        Of that fit.
    """
    alpha = fit.parameters.convergence_mrad
    thinned_out = grid_stride(table, alpha) > 1
    coarse = _COARSE_SECOND if thinned_out else _COARSE
    if fit.parameters.thickness_nm < THIN_NM:
        coarse = COARSE_THIN
    if alpha < coarse * step_mrad(table.geometry):
        exact: Shelf = EdgeShelf(table, shelf)
        steps = _EDGE_STEPS
    elif thinned_out:
        exact = ModelShelf(table, samples.reach, every=True)
        steps = _EVERY_STEPS
    else:
        return fit
    return fit_pattern(
        samples, table, start, fit.known, steps, fit.blur_mrad, exact, fit.parameters
    )
