"""Requests for own systems: what is checked before a job is made, and where systems are kept."""

import contextlib
import json
import subprocess
import sys
from typing import Any

from pacbed.children import start_child
from pacbed.errors import DiskFullError
from pacbed.files import telling_full
from pacbed.library.places import ModelPlace
from pacbed.service.catalogue import Catalogue
from pacbed.service.maps.job_requests import JobRequests
from pacbed.service.maps.jobs import PROBLEM, REQUEST, JobFolder
from pacbed.service.maps.process import FULL
from pacbed.service.metrics import Metrics
from pacbed.service.problems import (
    ParametersError,
    StructureError,
    SystemsOffError,
    TooLargeError,
)
from pacbed.service.reader_pool import private_environment
from pacbed.service.settings import Settings
from pacbed.service.systems.jobs import STRUCTURE, UNDERSTOOD, SystemStore, number_of
from pacbed.service.systems.schemas import SystemForm, SystemJob
from pacbed.service.systems.worker import SystemWorker
from pacbed.service.uploads import clean_name

#: A larger structure file is none of a crystal that can be simulated.
MOST_BYTES = 10**6
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
        catalogue.also(self.places)

    def places(self) -> list[ModelPlace]:
        """Where the models of own systems lie."""
        return self._store.places() if self._on else []

    def check_on(self) -> None:
        """Refuse where this service makes no systems.

        Raises
        ------
        SystemsOffError
            With how to have it make them.
        """
        if not self._on:
            raise SystemsOffError(_OFF)

    def accept(self, form: SystemForm, content: bytes) -> SystemJob:
        """Make a job, after all was checked that can be without simulating.

        Raises
        ------
        PacbedError
            If the structure or the conditions cannot be used, or too many jobs wait.
        """
        self.check_on()
        if len(content) > MOST_BYTES:
            raise TooLargeError(f"a structure file may have {MOST_BYTES / 1e6:g} MB at most")
        if form.name and form.name.lower() in self._names():
            raise ParametersError(f"name: there is a system {form.name} already; give another")
        with telling_full("the service's folder of systems"):
            folder = self._jobs.create()
            try:
                return self._accepted(folder, form, content)
            except BaseException:
                folder.remove()
                raise

    def _accepted(self, folder: JobFolder, form: SystemForm, content: bytes) -> SystemJob:
        (folder.path / STRUCTURE).write_bytes(content)
        asked: dict[str, Any] = {
            "file": clean_name(form.file.filename),
            "conditions": {
                "zone_axis": form.zone_axis,
                "high_tension_kV": form.high_tension_kV,
                "convergence_mrad": form.span,
                "thickness_max_nm": form.thickness_max_nm,
                "mistilt_max_mrad": form.mistilt_max_mrad,
                "b_iso": form.factors,
            },
        }
        request = folder.path / REQUEST
        request.write_text(json.dumps(asked), encoding="utf-8")
        told = self._checked(folder, asked["file"])
        number, name = number_of(folder), form.name or self._free(str(told["name"]))
        request.write_text(json.dumps(asked | {"system": number, "name": name}), encoding="utf-8")
        return self.submit(folder, name, system=number, understood=told["understood"])

    def _checked(self, folder: JobFolder, file: str) -> dict[str, Any]:
        """What a process of its own understood of the structure."""
        process = start_child(
            [sys.executable, "-m", SystemWorker.program, str(folder.path),
             str(self._memory_mib), "check"],
            private_environment(),
        )  # fmt: skip
        try:
            status = process.wait(self._check_seconds)
        except subprocess.TimeoutExpired:
            raise StructureError(
                f"{file}: was not understood within {self._check_seconds:g} s: give a smaller cell"
            ) from None
        finally:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
        if status == 0:
            told: dict[str, Any] = json.loads((folder.path / UNDERSTOOD).read_bytes())
            return told
        if status == FULL:
            raise DiskFullError("the service's folder of systems is full")
        words = f"{file}: cannot be read as a structure: export it again as a CIF"
        with contextlib.suppress(OSError, ValueError, KeyError):
            words = str(json.loads((folder.path / PROBLEM).read_bytes())["detail"])
        raise StructureError(words)

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
