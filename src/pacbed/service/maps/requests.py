"""Requests for thickness maps: what is checked before a job is made, and where it goes."""

import json
from pathlib import Path

from starlette.exceptions import HTTPException

from pacbed.errors import BundleError
from pacbed.files import telling_full
from pacbed.library.installed import match_system
from pacbed.library.models.kinds import Model
from pacbed.library.system import System
from pacbed.microscope.file import parse_microscope
from pacbed.scans.files import EXTENSIONS
from pacbed.service.catalogue import Catalogue
from pacbed.service.failures import ParametersError
from pacbed.service.maps.job_requests import JobRequests
from pacbed.service.maps.jobs import MASK, MODEL, REQUEST, SCAN, JobFolder, JobStore
from pacbed.service.maps.paths import scan_below
from pacbed.service.maps.schemas import MapJob, MapParameters
from pacbed.service.maps.worker import MapWorker
from pacbed.service.metrics import Metrics
from pacbed.service.settings import Settings
from pacbed.service.uploads import Upload, file_ending


class Maps(JobRequests[MapJob]):
    """Takes jobs for maps, and finds them again; shared by all threads.

    Parameters
    ----------
    settings : Settings
    catalogue : Catalogue
    metrics : Metrics
    """

    kind = MapJob
    gone = "there is no such map; it may have been deleted after its time"

    def __init__(self, settings: Settings, catalogue: Catalogue, metrics: Metrics) -> None:
        self._root = settings.map_root
        self._catalogue = catalogue
        super().__init__(
            JobStore(settings.map_folder, settings.map_jobs, settings.map_keep_seconds),
            MapWorker(
                settings.map_seconds, settings.map_memory_mib, settings.map_keep_seconds, metrics
            ),
        )

    def accept(
        self,
        parameters: MapParameters,
        upload: Upload | None,
        mask: Upload | None = None,
        microscope: Upload | None = None,
    ) -> MapJob:
        """Make a job.

        Parameters
        ----------
        parameters : MapParameters
        upload : Upload or None
            The scan, unless the parameters name one.
        mask : Upload or None
            Not 0 where a pixel of the detector says nothing.
        microscope : Upload or None
            The session's calibration: says the angles that the parameters leave open.

        Returns
        -------
        MapJob

        Raises
        ------
        PacbedError
            If the request cannot be met, as far as that shows before the scan is read.
        """
        system = match_system(self._catalogue.systems(), parameters.system)
        if microscope is not None:
            parameters = _calibrated(parameters, microscope, system)
        system.check(parameters.convergence_mrad, parameter="convergence_mrad")
        if (upload is None) == (parameters.path is None):
            raise ParametersError("send the scan as file, or give path; one of them, not both")
        self._bundle(system)
        path, name = None, ""
        if upload is None:
            path = scan_below(self._root, parameters.path or "")
            name = path.name
        else:
            name = upload.name
            ending = _ending(upload)
        with telling_full("the service's folder of maps"):
            folder = self._jobs.create()
            try:
                if upload is not None:
                    path = folder.path / f"{SCAN}{ending}"
                    path.write_bytes(upload.content)
                bundle = self._kept_bundle(system, folder)
                asked = parameters.model_dump() | {
                    "bundle": str(bundle),
                    "scan": str(path),
                    "name": name,
                    "mask": None if mask is None else str(_kept_mask(mask, folder)),
                    "mask_name": None if mask is None else mask.name,
                }
                (folder.path / REQUEST).write_text(json.dumps(asked), encoding="utf-8")
                return self.submit(folder, name)
            except BaseException:
                folder.remove()
                raise

    def _bundle(self, system: System) -> Model:
        bundle = self._catalogue.predictor(system).bundle
        if not bundle.has_table:
            raise ParametersError(
                f"the model of {system.name} has no table to fit maps with; choose another system"
            )
        return bundle

    def _kept_bundle(self, system: System, folder: JobFolder) -> Path:
        """Keep a system's bundle for a job: it may be replaced before the map is made."""
        try:
            return self._bundle(system).copy_to(folder.path / MODEL)
        except BundleError:
            # Replaced or removed since the catalogue last looked.
            self._catalogue.look_again()
            same = match_system(self._catalogue.systems(), str(system.id))
            return self._bundle(same).copy_to(folder.path / MODEL)


def _calibrated(parameters: MapParameters, upload: Upload, system: System) -> MapParameters:
    """The parameters with the two angles of a calibrated microscope, where none are given."""
    session = parse_microscope(upload.content, upload.name)
    if not session.is_at(system.high_tension_kV):
        raise ParametersError(
            f"{upload.name}: was calibrated at {session.high_tension_kV:g} kV, {system.name} is "
            f"for {system.high_tension_kV:g} kV: leave the microscope out"
        )
    found = {"convergence_mrad": session.convergence_mrad, "mrad_per_pixel": session.mrad_per_pixel}
    stated = parameters.model_dump(include=set(found), exclude_none=True)
    try:
        return MapParameters.model_validate(parameters.model_dump() | found | stated)
    except ValueError as error:
        raise ParametersError(f"{upload.name}: says an angle that no scan has") from error


def _ending(upload: Upload) -> str:
    """Ending that tells the format of an uploaded scan."""
    named = Path(upload.name).suffix.lower()
    return named if named in EXTENSIONS else file_ending(upload)


def _kept_mask(mask: Upload, folder: JobFolder) -> Path:
    """Keep the mask of the detector for a job."""
    path = folder.path / f"{MASK}{file_ending(mask)}"
    path.write_bytes(mask.content)
    return path


def result_file(folder: JobFolder, job: MapJob, name: str) -> Path:
    """Return a file that a job has made.

    Raises
    ------
    HTTPException
        409 if the job has not made it.
    """
    path = folder.path / name
    if job.stage != "done" or not path.is_file():
        raise HTTPException(409, f"the map is not there: its job is at the stage {job.stage}")
    return path
