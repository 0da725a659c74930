"""Fit a pattern with spreads of thickness and tilt freed, and say whether it shows any."""

import math
from collections.abc import Iterator

import numpy as np

from pacbed.answer.estimate import Estimate
from pacbed.answer.spread import SpecimenSpread, SpreadPart
from pacbed.arrays import Counts, Mask, Numbers
from pacbed.errors import PatternError
from pacbed.infer.fit.edges import EdgeShelf
from pacbed.infer.fit.hypotheses import FIRST_BLUR
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.least_squares import State, Steps, minimise
from pacbed.infer.fit.model import ModelShelf
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.fit.pattern_fit import LEAST_GAIN, LONG, REACH, SHORT
from pacbed.infer.fit.pattern_model import PatternModel, Shelf
from pacbed.infer.fit.samples import take_samples
from pacbed.infer.spread.parts import AXES, SpreadModel
from pacbed.lacbed.table import LacbedTable
from pacbed.library.models.kinds import Model, table_of
from pacbed.pattern.clean import clean
from pacbed.pattern.geometry import turn_matrix
from pacbed.pattern.preprocess import DiskLocation

#: First widths of the parts: nm of thickness, mrad of tilt; and the least and the most.
_FIRST = (1.0, 0.3)
_LEAST, _MOST = (0.4, 0.1), (6.0, 2.0)
#: How often the parts are made for the widths that were found.
_ROUNDS = 3
_STEPS = 8
#: A spread is seen where σ² is this many of its standard errors, and this large: the model's own
#: errors look like some (``benchmarks/specimen_spread.py``).
_SURE = 3.0
_SEEN = (0.5, 0.12)
#: Standard errors of a one-sided interval of 95 %.
_ONE_SIDED = 1.645


def measure_spread(
    pattern: Counts, model: Model, estimate: Estimate, mask: Mask | None = None
) -> SpecimenSpread:
    """What a pattern says of spreads of thickness and tilt within the averaged area.

    Answers are those of one slab; a specimen that is bent, or has steps, blurs the fringes in
    its disks. That is fitted here, from where the answer is.

    Parameters
    ----------
    pattern : ndarray, shape (rows, columns)
        That was inferred.
    model : Model
        That answered, with a table: :func:`pacbed.load_bundle`, or ``predictor.bundle``.
    estimate : Estimate
        The answer.
    mask : ndarray of bool, shape (rows, columns), optional
        As it was given for the answer.

    Returns
    -------
    SpecimenSpread

    Raises
    ------
    PatternError
        If the answer is not ``ok``, or the pattern's pixels are not square.

    Examples
    --------
    >>> import numpy as np, pacbed
    >>> predictor = pacbed.open_predictor(pacbed.load_bundle("sto-001-300kV"))
    >>> pattern = np.load("examples/sto-001-300kV_42nm.npy")
    >>> estimate = predictor.infer(pattern, convergence_mrad=20.0)
    >>> spread = pacbed.measure_spread(pattern, predictor.bundle, estimate)
    >>> spread.thickness_nm.seen, spread.thickness_nm.below < 2
    (False, True)
    """
    start, table = _start(estimate), table_of(model)
    radius = start.convergence_mrad / start.mrad_per_pixel
    disk = DiskLocation(start.center_y, start.center_x, radius)
    samples = take_samples(clean(pattern, mask), disk, REACH)
    shelves, first = _shelves(table), start.to_vector()
    blur = FIRST_BLUR * start.convergence_mrad
    slab = PatternModel.of(samples, table, next(shelves), first, Known(), blur)
    beside = {(axis, sign): next(shelves) for axes in AXES for axis in axes for sign in (-1, 1)}
    both, widths = _with_both(slab, beside, first)
    seen = both[0].seen, both[1].seen
    end = flat = FitParameters.from_vector(_end(slab, first).parameters)
    if any(seen):
        freed = SpreadModel(slab, beside, widths, seen)
        end = FitParameters.from_vector(_end(freed, first).parameters)
    tilt, moved = end.pattern_tilt, end.pattern_tilt - flat.pattern_tilt
    return SpecimenSpread(
        both[0],
        both[1],
        end.thickness_nm,
        (float(tilt[0]), float(tilt[1])),
        end.thickness_nm - flat.thickness_nm,
        float(np.hypot(*moved)),
    )


def _end(model: PatternModel | SpreadModel, first: Numbers) -> State:
    return minimise(model, first, Steps(_STEPS, SHORT, LONG, 1e3, LEAST_GAIN))


def _shelves(table: LacbedTable) -> Iterator[Shelf]:
    """Models with edges as they are: those that a grid blurs look like a spread of the tilt."""
    shared = ModelShelf(table, REACH, every=True)
    while True:
        yield EdgeShelf(table, shared)


def _with_both(
    slab: PatternModel, beside: dict[tuple[int, int], Shelf], first: Numbers
) -> tuple[tuple[SpreadPart, SpreadPart], tuple[float, float]]:
    """Spreads of thickness and tilt, both freed, and the widths that they are made for."""
    widths = _FIRST
    for _ in range(_ROUNDS):
        model = SpreadModel(slab, beside, widths, (True, True))
        variances, errors = _variances(model, _end(model, first))
        widths = _widths(variances)
    of_thickness, of_tilt = (
        _part(float(variance), float(error), least)
        for variance, error, least in zip(variances, errors, _SEEN, strict=True)
    )
    return (of_thickness, of_tilt), widths


def _start(estimate: Estimate) -> FitParameters:
    shown = estimate.basis.shown
    x, y = estimate.tilt_x_mrad, estimate.tilt_y_mrad
    if estimate.status != "ok" or shown is None or x is None or y is None:
        raise PatternError(
            f"the answer is {estimate.status}: a spread is looked for where a slab explains the "
            "pattern; mend that first"
        )
    if estimate.basis.pixel_aspect != 1:
        raise PatternError("its pixels are not square; give the pattern with square pixels")
    rotation = math.radians(shown.rotation_deg)
    tilt = turn_matrix(-rotation) @ [x, y]
    return FitParameters(
        estimate.thickness_nm,
        (float(tilt[0]), float(tilt[1])),
        estimate.center_column_px,
        estimate.center_row_px,
        math.log(estimate.mrad_per_pixel),
        rotation,
        math.log(shown.convergence_mrad),
        shown.distortion,
    )


def _variances(model: SpreadModel, state: State) -> tuple[Numbers, Numbers]:
    """σ² of thickness and of a tilt's component, and their standard errors."""
    root = np.sqrt(state.solved.weights)[:, None]
    scale = state.solved.coefficients[0]
    derivatives = np.concatenate([state.at.columns, state.at.jacobian * scale], axis=1) * root
    held = np.concatenate([model.ridge, model.precision * state.noise])
    normal = derivatives.T @ derivatives + np.diag(held)
    covariance = np.linalg.pinv(normal, hermitian=True) * state.noise
    places = np.arange(state.at.columns.shape[1] - len(AXES), state.at.columns.shape[1])
    square = np.array(model.widths) ** 2 / scale
    return state.solved.coefficients[places] * square, np.sqrt(np.diag(covariance)[places]) * square


def _widths(variances: Numbers) -> tuple[float, float]:
    first, second = np.clip(np.sqrt(np.maximum(variances, 0)), _LEAST, _MOST)
    return float(first), float(second)


def _part(variance: float, error: float, least: float) -> SpreadPart:
    seen = variance > _SURE * error and variance > least**2
    value = math.sqrt(max(variance, 0.0)) if seen else 0.0
    return SpreadPart(value, math.sqrt(max(variance, 0.0) + _ONE_SIDED * error), seen)
