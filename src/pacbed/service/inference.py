"""One request, from its upload to its answer; everything here runs on a thread."""

import logging
import math
import time
from dataclasses import replace
from typing import Any

from pacbed.answer.doubts import shown_convergence, with_doubts
from pacbed.answer.estimate import Estimate
from pacbed.answer.ranking import ranking_entry
from pacbed.answer.report.view import crop_view, simulate_view
from pacbed.answer.words import STATUS_WORDS
from pacbed.arrays import Mask
from pacbed.errors import BundleError, OutOfRangeError, UnknownSystemError
from pacbed.infer.frames.on_square_pixels import OnSquarePixels
from pacbed.infer.frames.on_what_is_left import OnWhatIsLeft
from pacbed.infer.open_predictor import AnyPredictor
from pacbed.infer.several import (
    Ranked,
    angle_to_ask,
    ask_several,
    covering,
    of_its_voltage,
)
from pacbed.library.installed import match_system
from pacbed.library.models.kinds import Model
from pacbed.library.models.label_bundle import LabelBundle
from pacbed.library.system import System
from pacbed.microscope.file import parse_microscope
from pacbed.microscope.record import Microscope
from pacbed.own_crystal.directions import directions_words
from pacbed.readers import Frame, Measurement
from pacbed.readers.turned import turned_words
from pacbed.service.catalogue import Catalogue
from pacbed.service.metrics import Metrics
from pacbed.service.pictures import packed_views, validation_picture
from pacbed.service.queue import Place
from pacbed.service.reader_pool import ReaderPool
from pacbed.service.schemas import FileParameters, Metadata, Parameters
from pacbed.service.schemas_answer import Answer
from pacbed.service.systems.jobs import FIRST_NUMBER
from pacbed.service.uploads import Upload, read_mask, read_upload

log = logging.getLogger("pacbed.service")

_ANGSTROM_PER_NM = 10.0
#: Of the time of a request, that in which systems are asked one after the other: the request may
#: have waited, and the last one takes as long as it takes.
_ASKING_SHARE = 0.5
#: High tensions that differ by less are the same.
_SAME_HIGH_TENSION = 0.02
_NO_CONVERGENCE = "the file does not give the convergence semi-angle: add convergence_angle in mrad"


class Inference:
    """Answers requests; shared by all threads.

    Parameters
    ----------
    catalogue : Catalogue
    readers : ReaderPool
    metrics : Metrics
    request_seconds : float
        Longest time of the work on one request.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        readers: ReaderPool,
        metrics: Metrics,
        request_seconds: float = 60.0,
    ) -> None:
        self._asking_seconds = _ASKING_SHARE * request_seconds
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

    def read(self, upload: Upload, described: FileParameters, frame: Frame) -> Measurement:
        """Read one frame of an upload; see :func:`~pacbed.service.uploads.read_upload`."""
        with self._metrics.stage("read"):
            return read_upload(upload, described, self._readers, frame)

    def answer(
        self,
        place: Place,
        upload: Upload,
        parameters: Parameters,
        frame: Frame,
        mask: Upload | None = None,
        microscope: Upload | None = None,
    ) -> Answer:
        """Answer one request.

        Parameters
        ----------
        place : Place
            Tells whether anybody still waits for the answer.
        upload : Upload
        parameters : Parameters
        frame : int, "sum" or None
            Frame of a stack.
        mask : Upload, optional
            Not 0 where a pixel says nothing.
        microscope : Upload, optional
            The session's calibration; goes before the file.

        Returns
        -------
        Answer

        Raises
        ------
        PacbedError
            If the request cannot be answered.
        """
        wanted = None if parameters.asks_all else self.choose(parameters)
        session = None if microscope is None else _session(microscope, parameters.file_params)
        measurement = self.read(upload, parameters.file_params, frame)
        masked = read_mask(mask, parameters.file_params, self._readers)
        place.check()
        models = self._models() if wanted is None else [self._catalogue.predictor(wanted).bundle]
        of_file = measurement.metadata.convergence_mrad
        angle, convergence = angle_to_ask(
            parameters.given_convergence_mrad, session, of_file, models
        )
        if wanted is None:
            models = self._rankable(models, session, measurement, convergence)
        elif convergence is None and not _finds_convergence(models[0]):
            raise OutOfRangeError(f"{upload.name}: {_NO_CONVERGENCE}")
        ranked = self._ranked(place, models, measurement, angle, parameters, masked, session)
        estimate, model = ranked.estimates[0], ranked.best
        self._metrics.answers.labels(_counted_as(model.system), estimate.status).inc()
        shown = shown_convergence(estimate, convergence)
        in_file = vars(measurement.metadata)
        estimate = with_doubts(estimate, in_file, model.system, convergence or shown)
        estimate = _in_axes(estimate, parameters.file_params)
        place.check()
        with self._metrics.stage("picture"):
            pictures = self._pictures(model, measurement, estimate, parameters, shown)
        return Answer(
            **{**_wire(estimate), **pictures, "convergence_mrad": shown},
            metadata=Metadata(**vars(measurement.metadata)),
            frames=measurement.frames,
            directions=directions_words(model.provenance, estimate.rotation_deg),
            ranking=[_finite(ranking_entry(each)) for each in ranked.estimates]
            if parameters.asks_all
            else None,
            unasked=list(ranked.unasked) if parameters.asks_all else None,
        )

    def _models(self) -> list[Model]:
        """All models, in the order in which they are searched."""
        models = {model.system.id: model for model in self._catalogue.models()}
        return [models[s.id] for s in self._catalogue.in_order_of_search() if s.id in models]

    def _rankable(
        self,
        models: list[Model],
        microscope: Microscope | None,
        measurement: Measurement,
        convergence_mrad: float | None,
    ) -> list[Model]:
        """Those whose answers can be ranked, the ones of the file's high tension first.

        Raises
        ------
        UnknownSystemError, OutOfRangeError
            If there is none, or none that covers the angle.
        """
        # Without a fit, networks that choose among labels are at odds with no pattern.
        likely = of_its_voltage(microscope, models) or models
        rankable = [model for model in likely if model.has_table]
        if not rankable:
            raise UnknownSystemError(
                "no installed model has a table to fit with, and only fits can be ranked: give "
                "one system"
            )
        if convergence_mrad is None:
            rankable = [model for model in rankable if _finds_convergence(model)]
            if not rankable:
                raise OutOfRangeError(f"{measurement.path.name}: {_NO_CONVERGENCE}")
        stated = measurement.metadata.high_tension_kV
        if stated is not None:
            rankable.sort(
                key=lambda model: not _is_near(model.system.known_high_tension_kV, stated)
            )
        return covering(rankable, convergence_mrad)

    def _opened(self, model: Model) -> AnyPredictor | None:
        """The predictor of one of several models; None where that is broken or gone."""
        try:
            return self._catalogue.predictor(model.system)
        except (BundleError, UnknownSystemError) as error:
            log.error("a system is left out of a ranking: %s", error)
            return None

    def _ranked(
        self,
        place: Place,
        models: list[Model],
        measurement: Measurement,
        convergence_mrad: float | None,
        parameters: Parameters,
        mask: Mask | None,
        microscope: Microscope | None,
    ) -> Ranked:
        """Ask one system after the other, as long as somebody waits and there is time."""
        end = time.monotonic() + self._asking_seconds

        def go_on(_: int) -> bool:
            place.check()
            return time.monotonic() < end

        def opened(model: Model) -> AnyPredictor | None:
            if not parameters.asks_all:
                predictor = self._catalogue.predictor(model.system)
            elif (found := self._opened(model)) is None:
                return None
            else:
                predictor = found
            stated = measurement.metadata.pixel_aspect
            return OnWhatIsLeft(OnSquarePixels(predictor, parameters.pixel_aspect, stated))

        with self._metrics.stage("infer"):
            return ask_several(
                models, opened, measurement.data, convergence_mrad, parameters.mrad_per_pixel,
                parameters.refine, go_on, measurement.silent(mask), microscope,
            )  # fmt: skip

    def _pictures(
        self,
        model: Model,
        measurement: Measurement,
        estimate: Estimate,
        parameters: Parameters,
        convergence_mrad: float,
    ) -> dict[str, Any]:
        """Draw what the request asks for; nothing is simulated where it asks for nothing."""
        if not (parameters.validation or parameters.views):
            return {"validation": None}
        view = crop_view(measurement.data, estimate, convergence_mrad)
        view = simulate_view(view, model.table, estimate)
        title = measurement.path.name
        return {
            "validation": validation_picture(view, estimate, parameters.validation, title),
            "views": packed_views(view) if parameters.views else None,
        }


def _session(upload: Upload, described: FileParameters) -> Microscope:
    if described.turn_deg or described.mirrored:
        raise OutOfRangeError(
            f"{upload.name}: was measured in patterns as they are recorded: leave out "
            "file_params.turn_deg and file_params.mirrored"
        )
    return parse_microscope(upload.content, upload.name)


def _in_axes(estimate: Estimate, described: FileParameters) -> Estimate:
    """The answer, with a warning where it is not in the recorded pattern's axes."""
    words = turned_words(described.turn_deg, described.mirrored)
    return replace(estimate, warnings=(words, *estimate.warnings)) if words else estimate


def _is_near(high_tension_kV: float, stated_kV: float) -> bool:
    return abs(high_tension_kV - stated_kV) <= _SAME_HIGH_TENSION * stated_kV


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
        "pixel_aspect": estimate.basis.pixel_aspect,
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
