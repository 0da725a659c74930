"""What requests for jobs of every kind do after a job was made: find it again, and end it."""

from typing import Any, Generic, TypeVar

from starlette.exceptions import HTTPException

from pacbed.service.maps.jobs import JobFolder, JobStore
from pacbed.service.maps.schemas import Job
from pacbed.service.maps.worker import JobWorker

_Job = TypeVar("_Job", bound=Job)


class JobRequests(Generic[_Job]):
    """Jobs of one kind; shared by all threads.

    Parameters
    ----------
    store : JobStore
    worker : JobWorker
    """

    #: State of its jobs, and what is said where there is none of a name.
    kind: type[_Job]
    gone: str

    def __init__(self, store: JobStore, worker: JobWorker) -> None:
        self._jobs = store
        self._worker = worker

    def submit(self, folder: JobFolder, name: str, **said: Any) -> _Job:
        """Have a job done, whose folder holds its request; see :meth:`JobWorker.submit`."""
        return self._of_kind(self._worker.submit(folder, name, **said))

    def find(self, name: str) -> tuple[JobFolder, _Job]:
        """Find a job.

        Raises
        ------
        HTTPException
            404 if there is no such job, or not any more.
        """
        folder = self._jobs.find(name)
        job = None if folder is None else folder.read()
        if folder is None or job is None:
            raise HTTPException(404, self.gone)
        return folder, self._of_kind(job)

    def cancel(self, name: str) -> None:
        """End a job and delete what it has made."""
        folder, job = self.find(name)
        folder.cancel()
        if job.ended or job.stage == "waiting":
            folder.remove()

    def close(self) -> None:
        """Stop the work."""
        self._worker.close()
        self._jobs.close()

    def _of_kind(self, job: Job) -> _Job:
        """The state of a job, which is of this kind, as all are in this store."""
        if not isinstance(job, self.kind):
            raise TypeError(type(job).__name__)
        return job
