"""A process that measures an own system's error bars and budget, in the background.

``python -m pacbed.service.systems.measure FOLDER MEMORY_MIB MINUTES`` takes the structure and the
model in the folder of a job that is done. It writes into the model's description, first how far
answers move where the structure is off, then the calibration; whatever reads the description
next has them. Finished runs are kept in the folder: ended, it goes on the next time.
"""

import contextlib
import json
import os
import sys
import threading
import warnings
from pathlib import Path

from pacbed.children import end_with_parent
from pacbed.files import write_atomically
from pacbed.service.maps.jobs import REQUEST
from pacbed.service.maps.process import end_with_the_service
from pacbed.service.reader_process import limit_memory
from pacbed.service.systems.job_files import MADE, MEASURED, RUNS, STRUCTURE

#: Everything else goes first: answers, maps, simulations.
_NICENESS = 19


def main(folder: Path, memory_mib: int, minutes: float) -> int:
    """Measure; the exit status is 0 if that went well."""
    end_with_parent()
    limit_memory(memory_mib)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    threading.Thread(target=end_with_the_service, daemon=True).start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # told when the job was accepted
        _measure(folder, minutes)
    return 0


def _measure(folder: Path, minutes: float) -> None:
    from pacbed.budget.kept import kept_sensitivities
    from pacbed.calibrate.calibrate import Effort, calibrate
    from pacbed.crystal.factor_errors import factor_errors_of_cif
    from pacbed.library.models.bundle import write_calibration
    from pacbed.library.places import open_model
    from pacbed.service.systems.process import understood_of

    understood = understood_of(folder, json.loads((folder / REQUEST).read_bytes()))
    model = open_model(folder / MADE)
    errors = factor_errors_of_cif(folder / STRUCTURE, understood.conditions.b_iso)
    kept_sensitivities(model, understood.cell, errors, _untold)
    effort = Effort(minutes=minutes, threads=1)
    found = calibrate(model, understood.crystal, folder / RUNS, effort, _untold)
    write_calibration(model.folder, found.values)
    write_atomically(folder / MEASURED, json.dumps({"runs": found.runs}).encode(), durable=False)


def _untold(share: float) -> None:
    """Nobody asks how far this is."""


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
