"""The thread that has own systems simulated, one at a time in the whole service."""

import time
from pathlib import Path
from typing import Any

from pacbed.held_folder import hold
from pacbed.service.maps.jobs import JobFolder
from pacbed.service.maps.schemas import Job
from pacbed.service.maps.worker import LOOK_SECONDS, JobWorker
from pacbed.service.systems.schemas import SystemJob
from pacbed.service.systems.structure_check import PROGRAM

#: Beside the jobs; who holds its lock may simulate.
_TURN = ".turn"


class SystemWorker(JobWorker):
    """Has systems made; see :class:`~pacbed.service.maps.worker.JobWorker`."""

    kind = SystemJob
    program = PROGRAM

    def at_end(self, job: Job) -> dict[str, Any]:
        """All is simulated."""
        return {"share": 1.0, "kept_seconds": None}

    def attend(self, folder: JobFolder, job: Job) -> tuple[str, int]:
        """Wait for the turn of this worker process, then as the class above."""
        turn = Path(folder.path.parent / _TURN)
        while (lock := hold(turn)) is None:
            if folder.cancelled or not turn.parent.is_dir():
                return "cancelled", 0
            if self.closing:
                return "stopped", 0
            self.beat(folder)
            time.sleep(LOOK_SECONDS)
        try:
            return super().attend(folder, job)
        finally:
            lock.release()
