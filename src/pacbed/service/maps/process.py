"""A process that makes one thickness map, for :class:`pacbed.service.maps.worker.MapWorker`.

``python -m pacbed.service.maps.process FOLDER MEMORY_MIB`` takes the request in the folder of
a job, writes there how far it is, and in the end the results or what went wrong. It ends when
its standard input or the service does, so it never outlives the service.
"""

import contextlib
import dataclasses
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pacbed.children import end_with_parent
from pacbed.errors import FileFormatError, PacbedError
from pacbed.files import is_full, write_atomically
from pacbed.service.failures import classify
from pacbed.service.maps.jobs import (
    PICTURE,
    PROBLEM,
    PROGRESS,
    REQUEST,
    RESULT,
    TABLE,
    WINDOWS,
)
from pacbed.service.reader_process import limit_memory

#: Exit status where the folder of the job is full.
FULL = 7
#: Options that messages name, in the words of requests.
_PARAMETERS = {
    "add --window N, or --step NM": "add window, or scan_step_nm",
    "--window N": "window",
    "--scan-shape ROWS,COLUMNS": "scan_shape",
    "--scan-shape": "scan_shape",
    "--dataset NAME": "dataset",
    "--dataset": "dataset",
    "--step NM": "scan_step_nm",
}
#: Inference requests go first.
NICENESS = 5
TELL_SECONDS = 0.2


def main(folder: Path, memory_mib: int) -> int:
    """Make the map of one job; the exit status is 0 if that went well."""
    end_with_parent()
    limit_memory(memory_mib)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    threading.Thread(target=end_with_the_service, daemon=True).start()
    asked = json.loads((folder / REQUEST).read_bytes())
    try:
        _make(asked, folder)
        return 0
    except PacbedError as error:
        problem = error
    except OSError as error:
        if is_full(error):
            return FULL
        problem = _unforeseen(asked, error)
    except MemoryError:
        problem = FileFormatError(
            "the map needs more memory than it may have: send a part of the scan"
        )
    except Exception as error:  # a parser that failed in a way that nobody foresaw
        problem = _unforeseen(asked, error)
    _, code = classify(problem)
    # The client knows its file by another name, and paths of the server are nobody's business.
    said = str(problem).replace(asked["scan"], asked["name"])
    if asked["mask"] is not None:
        said = said.replace(asked["mask"], asked["mask_name"])
    said = said.replace(asked["bundle"], "the bundle")
    for option, parameter in _PARAMETERS.items():
        said = said.replace(option, parameter)
    if is_full(problem):
        # There may be no space to say so either.
        return FULL
    told = json.dumps({"code": code, "detail": said}).encode()
    write_atomically(folder / PROBLEM, told, durable=False)
    return 1


def _unforeseen(asked: dict[str, Any], error: Exception) -> PacbedError:
    return FileFormatError(
        f"{asked['name']}: cannot be read ({type(error).__name__}): copy or export it again"
    )


def _make(asked: dict[str, Any], folder: Path) -> None:
    """Make the map and write it."""
    from pacbed.library.models.kinds import model_of
    from pacbed.library.models.model_files import read_description
    from pacbed.maps.kept_windows import keep_windows, save_windows
    from pacbed.maps.mapping import Stage, infer_map
    from pacbed.maps.options import MapOptions, make_grid
    from pacbed.maps.output import save_map
    from pacbed.maps.picture import map_png
    from pacbed.maps.table import map_table
    from pacbed.readers.mask import read_mask
    from pacbed.scans.files import open_scan

    tell = Teller(folder / PROGRESS)
    tell("reading")
    # An upload may lead nowhere, a scan of the server's own to its folder and below.
    opened = open_scan(
        Path(asked["scan"]),
        scan_shape=_pair(asked["scan_shape"]),
        dataset=asked["dataset"],
        alone=asked["path"] is None,
    )
    scan = dataclasses.replace(opened, name=asked["name"])
    bundle = model_of(read_description(Path(asked["bundle"])))
    options = MapOptions(
        convergence_mrad=asked["convergence_mrad"],
        window=_pair(asked["window"]),
        stride=_pair(asked["stride"]),
        mrad_per_pixel=asked["mrad_per_pixel"],
        refine=asked["refine"],
        samples=asked["samples"],
        step_nm=asked["scan_step_nm"],
        scan_rotation_deg=asked["scan_rotation_deg"],
        flip_y=asked["flip_y"],
        pixel_aspect=asked["pixel_aspect"],
        detector_mask=None if asked["mask"] is None else read_mask(Path(asked["mask"]), alone=True),
    )
    rows, columns = make_grid(scan, bundle, options)[0].shape

    def progress(stage: Stage, share: float) -> None:
        if stage is Stage.INFERRING:
            tell("inferring", round(share * rows) * columns, rows * columns)
        else:
            tell("preparing", 0, rows * columns)

    result = infer_map(scan, bundle, options, progress)
    tell("writing", rows * columns, rows * columns)
    write_atomically(folder / PICTURE, map_png(result))
    write_atomically(folder / TABLE, map_table(result).encode())
    save_map(folder / RESULT, result)
    save_windows(folder / WINDOWS, keep_windows(scan, result))


def _pair(numbers: list[int] | None) -> tuple[int, int] | None:
    return None if numbers is None else (numbers[0], numbers[1])


def end_with_the_service() -> None:
    """End this process when its standard input does."""
    # Not through sys.stdin, whose lock would be held when the process ends.
    while os.read(0, 1):
        pass
    os._exit(1)


class Teller:
    """Writes how far a map is.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told = -float("inf")
        self._began: float | None = None

    def __call__(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Tell a stage and, while inferring, how many of all windows are done."""
        now = time.monotonic()
        if 0 < done < total and now - self._told < TELL_SECONDS:
            return
        self._told = now
        left = None
        if stage == "inferring":
            self._began = self._began if self._began is not None and done else now
            spent = now - self._began
            left = spent * (total - done) / done if done else None
        told: dict[str, Any] = {"stage": stage, "seconds_left": left}
        if total:
            told |= {"windows": total, "windows_done": done}
        write_atomically(self._path, json.dumps(told).encode(), durable=False)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
