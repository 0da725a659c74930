"""A process that reads one structure file, or makes its system; it never outlives the service.

``python -m pacbed.service.systems.process FOLDER MEMORY_MIB [check|axes]`` takes request and
structure in the folder of a job. With ``check`` it writes what it understood, with ``axes`` the
zone axes to choose from, else how far it is and in the end the model; or what is wrong.
"""

import contextlib
import dataclasses
import json
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from pacbed.children import end_with_parent
from pacbed.errors import CrystalError, FileFormatError, PacbedError
from pacbed.files import is_full, write_atomically
from pacbed.own_crystal.columns import columns_of
from pacbed.own_crystal.understood import Understood
from pacbed.service.failures import classify
from pacbed.service.maps.jobs import PROBLEM, PROGRESS, REQUEST
from pacbed.service.maps.process import FULL, NICENESS, TELL_SECONDS, end_with_the_service
from pacbed.service.reader_process import limit_memory
from pacbed.service.systems.job_files import MADE, STRUCTURE, UNDERSTOOD

_TOO_LARGE = (
    "the crystal needs more memory than it may have: ask for smaller ranges of convergence, "
    "thickness or mistilt"
)
#: Options that messages name, in the words of requests.
_PARAMETERS = {
    "Give it with --b, or in the recipe in [crystal.b_iso].": "Look it up and give it.",
    "--b ": "b ",
    "--convergence": "convergence_mrad",
    "--mistilt-max": "mistilt_max_mrad",
    "--thickness-max": "thickness_max_nm",
}
#: Parameters that have other names in requests.
_FIELDS = {"b_iso": "b"}


def main(folder: Path, memory_mib: int, look: str | None) -> int:
    """Do what is asked for, one of `_LOOKS` or all; the exit status is 0 if that went well."""
    end_with_parent()
    limit_memory(memory_mib)
    if hasattr(os, "nice") and not look:
        os.nice(NICENESS)
    threading.Thread(target=end_with_the_service, daemon=True).start()
    asked = json.loads((folder / REQUEST).read_bytes())
    try:
        (_LOOKS[look] if look else _make)(folder, asked)
        return 0
    except PacbedError as error:
        problem = error
    except MemoryError:
        problem = CrystalError(_TOO_LARGE)
    except Exception as error:  # what a parser makes of a file that nobody foresaw
        if is_full(error):
            return FULL
        problem = FileFormatError(f"cannot be read as a structure ({type(error).__name__})").about(
            "file"
        )
    if is_full(problem):
        return FULL
    told = json.dumps(
        {
            "code": classify(problem)[1],
            "detail": _said(str(problem), folder, asked["file"]),
            "field": _FIELDS.get(problem.parameter or "", problem.parameter),
        }
    )
    write_atomically(folder / PROBLEM, told.encode(), durable=False)
    return 1


def _said(words: str, folder: Path, name: str) -> str:
    """Words on one line, with the names that the client knows."""
    words = words.replace(str(folder / STRUCTURE), name).replace(str(folder), "the system")
    for option, parameter in _PARAMETERS.items():
        words = words.replace(option, parameter)
    return " ".join(words.split())[:1000]


def understood_of(folder: Path, asked: dict[str, object]) -> Understood:
    """What the structure in the folder of a job is, as it was asked for."""
    from pacbed.own_crystal.conditions import crystal_conditions
    from pacbed.own_crystal.understood import understand

    conditions: dict[str, object] = dict(asked["conditions"])  # type: ignore[call-overload]
    span = conditions["convergence_mrad"]
    conditions["convergence_mrad"] = tuple(span) if isinstance(span, list) else span
    asked_of_it = crystal_conditions(folder / STRUCTURE, **conditions)  # type: ignore[arg-type]
    try:
        return understand(asked_of_it)
    except (CrystalError, FileFormatError) as error:
        raise error.about("file") from error


def _check(folder: Path, asked: dict[str, object]) -> None:
    """Say what was understood, or refuse what cannot be simulated."""
    from pacbed.own_crystal.simulated_table import check_understood, table_options

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        understood = understood_of(folder, asked)
    check_understood(understood, table_options(understood))
    name = str(asked["file"])
    told = {
        "name": understood.default_name,
        "understood": {
            "formula": understood.crystal.formula,
            "factors": [dataclasses.asdict(factor) for factor in understood.factors],
            "lines": [(label, _said(value, folder, name)) for label, value in understood.rows()],
            "projection": columns_of(understood.cell),
            "warnings": [_said(str(warning.message), folder, name) for warning in caught],
        },
    }
    write_atomically(folder / UNDERSTOOD, json.dumps(told).encode(), durable=False)


def _axes(folder: Path, asked: dict[str, object]) -> None:
    """Say what zone axes there are to choose from; nothing else needs to be known."""
    from pacbed.crystal.cif import read_cif
    from pacbed.crystal.zone_axes import low_index_axes
    from pacbed.own_crystal.understood import check_lengths

    structure = folder / STRUCTURE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # told when the structure is understood
            crystal = read_cif(structure)
        check_lengths(structure, crystal)
    except CrystalError as error:
        raise error.about("file") from error
    axes = [dataclasses.asdict(axis) for axis in low_index_axes(crystal)]
    told = {"formula": crystal.formula, "zone_axes": axes}
    write_atomically(folder / UNDERSTOOD, json.dumps(told).encode(), durable=False)


#: What is asked of a structure before anything is simulated.
_LOOKS = {"check": _check, "axes": _axes}


def _make(folder: Path, asked: dict[str, object]) -> None:
    """Simulate the table, and write the model; its description comes last."""
    from pacbed.library.models.table_model import write_table_model
    from pacbed.own_crystal.simulated_table import (
        provenance,
        simulate_understood,
        table_options,
    )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # told when the job was accepted
        understood = understood_of(folder, asked)
    tell = _teller(folder / PROGRESS)
    table = simulate_understood(understood, table_options(understood), tell)
    system = understood.system(str(asked["name"]), int(str(asked["system"])))
    write_table_model(folder / MADE, system, table, provenance(understood, table))


def _teller(path: Path) -> Callable[[float], None]:
    """What writes how far a simulation is, and how long it still takes."""
    began = told = time.monotonic()

    def tell(share: float) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told < TELL_SECONDS:
            return
        told = now
        left = (now - began) * (1 - share) / share if share > 0 else None
        content = {"stage": "simulating", "share": share, "seconds_left": left}
        write_atomically(path, json.dumps(content).encode(), durable=False)

    return tell


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if sys.argv[3:] else None))
