"""One request, from its upload to its answer; everything here runs on a thread."""

import math
from typing import Any

import numpy as np

from pacbed.answer.doubts import shown_convergence, with_doubts
from pacbed.answer.estimate import Estimate
from pacbed.answer.report.view import crop_view, simulate_view
from pacbed.answer.words import STATUS_WORDS
from pacbed.arrays import Mask
from pacbed.errors import OutOfRangeError
from pacbed.infer.open_predictor import AnyPredictor
from pacbed.library.installed import match_system
from pacbed.library.models.kinds import Model
from pacbed.library.models.label_bundle import LabelBundle
from pacbed.library.system import System
from pacbed.readers import Measurement
from pacbed.service.catalogue import Catalogue
from pacbed.service.metrics import Metrics
from pacbed.service.pictures import packed_views, validation_picture
from pacbed.service.queue import Place
from pacbed.service.reader_pool import ReaderPool
from pacbed.service.schemas import Answer, FileParameters, Metadata, Parameters
from pacbed.service.systems.jobs import FIRST_NUMBER
from pacbed.service.uploads import Upload, read_upload

_ANGSTROM_PER_NM = 10.0


def estimate_pattern(
    predictor: AnyPredictor,
    pattern: np.ndarray,
    convergence_mrad: float | None,
    mrad_per_pixel: float | None,
    refine: bool,
    mask: Mask | None = None,
) -> Estimate:
    """Call the inference: the one place where the service meets it.

    Parameters
    ----------
    predictor : AnyPredictor
    pattern : ndarray, shape (rows, columns)
    convergence_mrad : float or None
        None where it is to be found.
    mrad_per_pixel : float or None
    refine : bool
        Compare the answer with the physical model, not only with the network.
    mask : ndarray of bool, shape (rows, columns), optional
        True where a pixel says nothing.

    Returns
    -------
    Estimate
    """
    return predictor.infer(pattern, convergence_mrad, mrad_per_pixel, refine=refine, mask=mask)


class Inference:
    """Answers requests; shared by all threads.

    Parameters
    ----------
    catalogue : Catalogue
    readers : ReaderPool
    metrics : Metrics
    """

    def __init__(self, catalogue: Catalogue, readers: ReaderPool, metrics: Metrics) -> None:
        self._catalogue = catalogue
        self._readers = readers
        self._metrics = metrics

    def choose(self, parameters: Parameters) -> System:
        """Find the system that the parameters name.

        Raises
        ------
        UnknownSystemError
            If it is not installed.
        """
        systems = self._catalogue.in_order_of_search()
        if parameters.system is not None or parameters.physical_params is None:
            return match_system(systems, parameters.system)
        given = parameters.physical_params
        voltage, axis = given.acceleration_voltage, given.zone_axis
        return match_system(
            systems,
            material=given.crystal_structure,
            high_tension_kV=None if voltage is None else voltage / 1e3,
            zone_axis=(0, 0, 1) if axis is None else (axis.u, axis.v, axis.w),
        )

    def read(self, upload: Upload, described: FileParameters, frame: int | None) -> Measurement:
        """Read one frame of an upload; see :func:`~pacbed.service.uploads.read_upload`."""
        with self._metrics.stage("read"):
            return read_upload(upload, described, self._readers, frame)

    def answer(
        self,
        place: Place,
        upload: Upload,
        parameters: Parameters,
        frame: int | None,
        mask: Upload | None = None,
    ) -> Answer:
        """Answer one request.

        Parameters
        ----------
        place : Place
            Tells whether anybody still waits for the answer.
        upload : Upload
        parameters : Parameters
        frame : int or None
            Frame of a stack.
        mask : Upload, optional
            Not 0 where a pixel says nothing.

        Returns
        -------
        Answer

        Raises
        ------
        PacbedError
            If the request cannot be answered.
        """
        system = self.choose(parameters)
        measurement = self.read(upload, parameters.file_params, frame)
        masked = None if mask is None else self.read(mask, FileParameters(), None).data != 0
        convergence = parameters.given_convergence_mrad
        if convergence is None:
            convergence = measurement.metadata.convergence_mrad
        place.check()
        predictor = self._catalogue.predictor(system)
        if convergence is None and not _finds_convergence(predictor.bundle):
            raise OutOfRangeError(
                f"{upload.name}: the file does not give the convergence semi-angle: "
                "add convergence_angle in mrad"
            )
        with self._metrics.stage("infer"):
            estimate = estimate_pattern(
                predictor,
                measurement.data,
                convergence,
                parameters.mrad_per_pixel,
                parameters.refine,
                masked,
            )
        self._metrics.answers.labels(_counted_as(system), estimate.status).inc()
        shown = shown_convergence(estimate, convergence)
        stated = vars(measurement.metadata)
        estimate = with_doubts(estimate, stated, system, convergence or shown)
        place.check()
        with self._metrics.stage("picture"):
            pictures = self._pictures(predictor, measurement, estimate, parameters, shown)
        wire = {**_wire(estimate), **pictures, "convergence_mrad": shown}
        return Answer(**wire, metadata=Metadata(**vars(measurement.metadata)))

    def _pictures(
        self,
        predictor: AnyPredictor,
        measurement: Measurement,
        estimate: Estimate,
        parameters: Parameters,
        convergence_mrad: float,
    ) -> dict[str, Any]:
        """Draw what the request asks for; nothing is simulated where it asks for nothing."""
        if not (parameters.validation or parameters.views):
            return {"validation": None}
        view = crop_view(measurement.data, estimate, convergence_mrad)
        view = simulate_view(view, predictor.bundle.table, estimate)
        title = measurement.path.name
        return {
            "validation": validation_picture(view, estimate, parameters.validation, title),
            "views": packed_views(view) if parameters.views else None,
        }


def _counted_as(system: System) -> str:
    """Name of a system in the counters, whose number must stay bounded."""
    return system.name if system.id < FIRST_NUMBER else "own"


def _finds_convergence(model: Model) -> bool:
    """Whether a model finds the convergence semi-angle itself: a fit with its table does."""
    return model.has_table and model.as_kind(LabelBundle) is None


def _wire(estimate: Estimate) -> dict[str, Any]:
    """The keys of the earlier service, and all fields of the estimate."""
    thickness = estimate.thickness_nm * _ANGSTROM_PER_NM
    return {
        **_finite(estimate.to_dict()),
        "thickness": _finite(thickness),
        "mistilt": _finite(estimate.mistilt_mrad),
        "status_words": STATUS_WORDS[estimate.status],
    }


def _finite(value: Any) -> Any:
    """Replace numbers that JSON has no word for by null."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
