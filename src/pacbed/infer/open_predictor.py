"""The predictor that belongs to an installed model."""

from collections.abc import Callable, Hashable
from typing import Any, Protocol

from pacbed.answer.estimate import Estimate
from pacbed.arrays import Counts, Mask
from pacbed.infer.fit.solved import Solved
from pacbed.infer.labels.predictor import LabelPredictor
from pacbed.infer.networks.predictor import Predictor
from pacbed.infer.search.predictor import TablePredictor
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.infer.shared.solve import BatchSolver
from pacbed.library.models.bundle import Bundle
from pacbed.library.models.kinds import Model, with_table
from pacbed.library.models.label_bundle import LabelBundle
from pacbed.library.models.table_model import TableModel
from pacbed.microscope.record import Microscope


class AnyPredictor(Protocol):
    """What every predictor can do; see :class:`~pacbed.infer.networks.predictor.Predictor`."""

    @property
    def bundle(self) -> Model:
        """The model that answers."""
        ...

    def infer(
        self,
        pattern: Counts,
        convergence_mrad: float | None = None,
        mrad_per_pixel: float | None = None,
        refine: bool = True,
        mask: Mask | None = None,
        microscope: Microscope | None = None,
    ) -> Estimate:
        """Infer thickness and mistilt of one pattern."""
        ...


class FittingPredictor(AnyPredictor, Hashable, Protocol):
    """What predictors can do that have a table to fit with, with networks or without."""

    @property
    def order(self) -> int:
        """Of the projection's rotations: patterns look the same after a turn by 360°/order."""
        ...

    def solve(
        self,
        pattern: Counts,
        convergence_mrad: float | None,
        mrad_per_pixel: float | None = None,
    ) -> Solved:
        """As :meth:`infer`, without a judgement of what was found."""
        ...

    def sharing(self, geometry: SharedGeometry) -> BatchSolver:
        """Solver for many patterns of one geometry, which makes them much quicker."""
        ...


#: What answers with a model, by the model's class.
_PREDICTORS: dict[type, Callable[[Any, int], AnyPredictor]] = {
    Bundle: Predictor,
    LabelBundle: LabelPredictor,
    TableModel: TablePredictor,
}


def open_predictor(bundle: Model, threads: int = 1) -> AnyPredictor:
    """Open the predictor for a model, of whichever kind it is.

    Parameters
    ----------
    bundle : Model
        From :func:`pacbed.library.installed.load_bundle`.
    threads : int
        Threads of one inference.

    Returns
    -------
    Predictor, LabelPredictor or TablePredictor

    Raises
    ------
    BundleError
        If a part of the bundle is missing, damaged or of another version.
    MissingExtraError
        If a network's format needs an extra that is not installed.

    Examples
    --------
    ::

        predictor = open_predictor(load_bundle(7, data=Path("data")))
        estimate = predictor.infer(pattern, convergence_mrad=20.0)
    """
    return _PREDICTORS[type(bundle)](bundle, threads)


def open_fitting_predictor(model: Model) -> FittingPredictor:
    """Open the predictor that fits with a model's table.

    Raises
    ------
    UnknownSystemError
        If the model has no table.
    BundleError
        If a part of it is missing, damaged or of another version.
    """
    engine = model.as_kind(Bundle)
    return TablePredictor(with_table(model)) if engine is None else Predictor(engine)
