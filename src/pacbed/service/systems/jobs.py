"""Jobs that make own systems: the folder of one that is done holds its model, and is kept."""

from pathlib import Path

from pacbed.errors import PacbedError
from pacbed.library.models.model_files import DESCRIPTION
from pacbed.library.places import ModelPlace, open_model
from pacbed.service.failures import TooManyError
from pacbed.service.maps.jobs import JobFolder, JobStore
from pacbed.service.systems.job_files import MADE, MEASURED
from pacbed.service.systems.schemas import SystemJob

#: Systems of their own have numbers from here on, which no register gives by itself.
FIRST_NUMBER, _NUMBERS = 500_000_000, 400_000_000


def number_of(folder: JobFolder) -> int:
    """Number of the system that a job makes; the same in all processes."""
    return FIRST_NUMBER + int(folder.id[:8], 16) % _NUMBERS


class SystemStore(JobStore):
    """All own systems of a service, and those that are on their way.

    Parameters
    ----------
    folder, most, keep_seconds
        As of :class:`~pacbed.service.maps.jobs.JobStore`; a system that is done is kept.
    held : int
        Systems that are kept at most, of all workers together.
    """

    kind = SystemJob

    def __init__(self, folder: Path | None, most: int, keep_seconds: float, held: int) -> None:
        super().__init__(folder, most, keep_seconds)
        self._held = held

    def places(self) -> list[ModelPlace]:
        """Where the models of the systems that are done lie, the newest first."""
        return [_place(folder) for folder in self._done()]

    def busy(self) -> bool:
        """Whether a system waits or is being made, by any worker."""
        return any(job is not None and not job.ended for job in map(JobFolder.read, self))

    def unmeasured(self) -> list[JobFolder]:
        """Folders of the systems whose error bars nobody measured, the newest first."""
        return [folder for folder in self._done() if not (folder.path / MEASURED).exists()]

    def names(self) -> set[str]:
        """Names that are taken, also by what is on its way."""
        jobs = (folder.read() for folder in self)
        return {job.name.lower() for job in jobs if job is not None and job.stage != "failed"}

    def clean(self) -> None:
        """Delete what nobody needs, and the oldest systems beyond those that are kept."""
        super().clean()
        for folder in self._done()[self._held :]:
            folder.cancel()
            folder.remove()

    def _done(self) -> list[JobFolder]:
        """Folders of the systems that are done, the newest first."""
        found = []
        for folder in self:
            job = folder.read()
            if job is not None and job.stage == "done":
                try:
                    found.append(((folder.path / MADE / DESCRIPTION).stat().st_mtime_ns, folder))
                except OSError:  # another worker removes it
                    continue
        return [folder for _, folder in sorted(found, key=lambda item: -item[0])]

    def _too_many(self, words: str) -> PacbedError:
        return TooManyError(words)

    def _is_left(self, folder: JobFolder) -> bool:
        job = folder.read()
        return (job is None or job.stage != "done") and super()._is_left(folder)


def _place(folder: JobFolder) -> ModelPlace:
    model = folder.path / MADE
    return ModelPlace(model, lambda: open_model(model), number_of(folder), (model / DESCRIPTION,))
