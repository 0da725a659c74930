"""Requests for own systems: what is checked before a job is made, and where systems are kept."""

import json
from pathlib import Path
from typing import Any, Literal

from pacbed.files import telling_full
from pacbed.held_folder import HeldFolder
from pacbed.library.places import ModelPlace
from pacbed.service.catalogue import Catalogue
from pacbed.service.failures import ParametersError, SystemsOffError
from pacbed.service.maps.job_requests import JobRequests
from pacbed.service.maps.jobs import REQUEST, JobFolder
from pacbed.service.metrics import Metrics
from pacbed.service.queue import Place
from pacbed.service.settings import Settings
from pacbed.service.systems.forms import FileForm, StructureForm, SystemForm
from pacbed.service.systems.jobs import SystemStore, number_of
from pacbed.service.systems.measurer import Measurer
from pacbed.service.systems.schemas import OwnSystems, SystemJob, UnderstoodStructure, ZoneAxes
from pacbed.service.systems.structure_check import MOST_BYTES, check_structure, put_structure
from pacbed.service.systems.worker import SystemWorker

_OFF = (
    "this service makes no systems from structures, as it is open to more than this computer: "
    "start it with --own-systems (or PACBED_OWN_SYSTEMS=on)"
)


class Systems(JobRequests[SystemJob]):
    """Takes jobs for own systems, and finds them again; shared by all threads.

    Parameters
    ----------
    settings : Settings
    catalogue : Catalogue
        Learns of the systems that are made here.
    metrics : Metrics
    """

    kind = SystemJob
    gone = "there is no such system; it may have made room for others"

    def __init__(self, settings: Settings, catalogue: Catalogue, metrics: Metrics) -> None:
        self._on = settings.own_systems == "on"
        self._catalogue = catalogue
        self._check_seconds = settings.read_seconds
        self._memory_mib = settings.system_memory_mib
        self._store = SystemStore(
            settings.system_folder,
            settings.system_jobs,
            settings.map_keep_seconds,
            settings.systems_held,
        )
        worker = SystemWorker(
            settings.system_seconds,
            settings.system_memory_mib,
            settings.map_keep_seconds,
            metrics.own_systems,
            metrics.system_jobs,
        )
        super().__init__(self._store, worker)
        self._measurer = Measurer(
            self._store, settings.calibration_minutes, settings.system_memory_mib
        )
        catalogue.also(self.places)
        if self._on and settings.system_folder is not None:
            self._measurer.wake()  # for those that were kept

    def places(self) -> list[ModelPlace]:
        """Where the models of own systems lie."""
        return self._store.places() if self._on else []

    def offered(self) -> OwnSystems:
        """Whether systems are made here, and of what."""
        return OwnSystems(on=self._on, detail=None if self._on else _OFF, most_bytes=MOST_BYTES)

    def check_on(self) -> None:
        """Refuse where this service makes no systems.

        Raises
        ------
        SystemsOffError
            With how to have it make them.
        """
        if not self._on:
            raise SystemsOffError(_OFF)

    def understood(self, form: StructureForm, content: bytes) -> UnderstoodStructure:
        """Say what a structure is understood as; nothing is kept and nothing simulated.

        Raises
        ------
        PacbedError
            If the structure or the conditions cannot be used.
        """
        self.check_on()
        with telling_full("the service's temporary folder"), HeldFolder("structure") as folder:
            return UnderstoodStructure.model_validate(
                self._looked(folder, form, content, "check")[1]
            )

    def zone_axes(self, form: FileForm, content: bytes) -> ZoneAxes:
        """Say what zone axes a structure has to choose from; nothing is kept.

        Raises
        ------
        PacbedError
            If the file is no structure.
        """
        self.check_on()
        with telling_full("the service's temporary folder"), HeldFolder("structure") as folder:
            return ZoneAxes.model_validate(self._looked(folder, form, content, "axes")[1])

    def accept(self, form: SystemForm, content: bytes, place: Place) -> SystemJob:
        """Make a job, after all was checked that can be without simulating.

        Parameters
        ----------
        form : SystemForm
        content : bytes
            The structure.
        place : Place
            Tells whether anybody still waits: a job whose number nobody got could not be ended.

        Raises
        ------
        PacbedError
            If the structure or the conditions cannot be used, or too many jobs wait.
        """
        self.check_on()
        if form.name and form.name.lower() in self._names():
            raise ParametersError(
                f"name: there is a system {form.name} already; give another"
            ).about("name")
        with telling_full("the service's folder of systems"):
            folder = self._jobs.create()
            try:
                return self._accepted(folder, form, content, place)
            except BaseException:
                folder.remove()
                raise

    def _accepted(
        self, folder: JobFolder, form: SystemForm, content: bytes, place: Place
    ) -> SystemJob:
        asked, told = self._looked(folder.path, form, content, "check")
        place.check()
        number, name = number_of(folder), form.name or self._free(str(told["name"]))
        (folder.path / REQUEST).write_text(
            json.dumps(asked | {"system": number, "name": name}), encoding="utf-8"
        )
        job = self.submit(folder, name, system=number, understood=told["understood"])
        self._measurer.wake()
        return job

    def _looked(
        self, folder: Path, form: FileForm, content: bytes, look: Literal["check", "axes"]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is asked, as it stands in the folder, and what was understood of it."""
        asked = put_structure(folder, form, content)
        told = check_structure(folder, asked["file"], self._check_seconds, self._memory_mib, look)
        return asked, told

    def _names(self) -> set[str]:
        return self._store.names() | {s.name.lower() for s in self._catalogue.systems()}

    def _free(self, name: str) -> str:
        """The name, with a number where it is taken."""
        taken, free, number = self._names(), name, 1
        while free.lower() in taken:
            number += 1
            free = f"{name}-{number}"
        return free

    def find(self, name: str) -> tuple[JobFolder, SystemJob]:
        """As every kind of job is found, where this service makes systems at all."""
        self.check_on()
        return super().find(name)

    def close(self) -> None:
        """Stop the work."""
        self._measurer.close()
        super().close()
