"""What a structure file is understood as, by a process of its own; nothing is simulated."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

from pacbed.children import start_child
from pacbed.errors import DiskFullError
from pacbed.service.failures import StructureError, TooLargeError
from pacbed.service.maps.jobs import PROBLEM, REQUEST
from pacbed.service.maps.process import FULL
from pacbed.service.reader_pool import private_environment
from pacbed.service.systems.forms import FileForm, StructureForm
from pacbed.service.systems.job_files import STRUCTURE, UNDERSTOOD
from pacbed.service.uploads import clean_name

#: A larger structure file is none of a crystal that can be simulated.
MOST_BYTES = 10**6
PROGRAM = "pacbed.service.systems.process"


def put_structure(folder: Path, form: FileForm, content: bytes) -> dict[str, Any]:
    """Write a structure and what is asked of it into a folder, and return the latter.

    Raises
    ------
    TooLargeError
        If the file is too large for a structure.
    """
    if len(content) > MOST_BYTES:
        raise TooLargeError(f"a structure file may have {MOST_BYTES / 1e6:g} MB at most").about(
            "file"
        )
    (folder / STRUCTURE).write_bytes(content)
    asked: dict[str, Any] = {"file": clean_name(form.file.filename)}
    if isinstance(form, StructureForm):
        asked["conditions"] = {
            "zone_axis": form.zone_axis,
            "high_tension_kV": form.high_tension_kV,
            "convergence_mrad": form.span,
            "thickness_max_nm": form.thickness_max_nm,
            "mistilt_max_mrad": form.mistilt_max_mrad,
            "b_iso": form.factors,
        }
    (folder / REQUEST).write_text(json.dumps(asked), encoding="utf-8")
    return asked


def check_structure(
    folder: Path, file: str, seconds: float, memory_mib: int, look: Literal["check", "axes"]
) -> dict[str, Any]:
    """What a process of its own understood of the structure in a folder.

    Parameters
    ----------
    folder : Path
        As :func:`put_structure` leaves it.
    file : str
        What the client calls the structure.
    seconds : float
        Longest time for it.
    memory_mib : int
        Address space of the process, MiB; 0 is no limit.
    look : str
        ``check`` for all of it under the conditions, ``axes`` for the zone axes alone.

    Returns
    -------
    dict
        ``name``, the default one, and ``understood``, as
        :class:`~pacbed.service.systems.schemas.UnderstoodCrystal`; or
        :class:`~pacbed.service.systems.schemas.ZoneAxes`.

    Raises
    ------
    StructureError
        If it makes no system; with the field of the request that is wrong.
    """
    process = start_child(
        [sys.executable, "-m", PROGRAM, str(folder), str(memory_mib), look],
        private_environment(),
    )
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise StructureError(
            f"{file}: was not understood within {seconds:g} s: give a smaller cell"
        ).about("file") from None
    finally:
        process.kill()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
    if status == 0:
        told: dict[str, Any] = json.loads((folder / UNDERSTOOD).read_bytes())
        return told
    if status == FULL:
        raise DiskFullError("the service's folder of systems is full")
    words, field = f"{file}: cannot be read as a structure: export it again as a CIF", "file"
    with contextlib.suppress(OSError, ValueError, KeyError):
        problem = json.loads((folder / PROBLEM).read_bytes())
        words, field = str(problem["detail"]), problem.get("field")
    raise StructureError(words).about(field)
