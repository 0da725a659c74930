"""A process that does nothing but read uploaded files.

Parsers of microscope formats are written for files of friends. Here they run in a
process of their own with a bounded address space: a file that makes one hang, eat
memory or crash costs that process, not the service.

``python -m pacbed.service.reader_process`` takes one JSON object per line on its
standard input and answers each with a line of JSON, followed by the pixels. It ends
when its input or the service does, also while it reads, so it never outlives the service.
"""

import contextlib
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pacbed import errors
from pacbed.children import end_with_parent
from pacbed.errors import FileFormatError, PacbedError

if TYPE_CHECKING:
    from pacbed.readers.checks import Frame


def main(memory_mib: int) -> None:
    """Answer requests until the input ends."""
    end_with_parent()
    limit_memory(memory_mib)
    # What a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = sys.stdin.buffer
    _warm_up()
    for line in iter(requests.readline, b""):
        request = json.loads(line)
        _answer(answers, Path(request["path"]), request["frame"], request["dataset"])
        _close_hdf5()


def limit_memory(memory_mib: int) -> None:
    """Bound the address space of this process, MiB; 0 is no limit."""
    if memory_mib <= 0:
        return
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    # Where the system does not allow a limit (macOS), the time limit remains.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory_mib * 2**20, memory_mib * 2**20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _warm_up() -> None:
    """Import what takes longest, so that the first file need not wait for it."""
    import rsciio.digitalmicrograph  # noqa: F401

    import pacbed.readers.microscope  # noqa: F401


def _close_hdf5() -> None:
    """Close what a lazy reader keeps open: the upload is deleted, its room on the disk is not."""
    h5py = sys.modules.get("h5py")
    if h5py is None:
        return
    for file in h5py.h5f.get_obj_ids(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE):
        h5py.File(file).close()


def _answer(answers: BinaryIO, path: Path, frame: "Frame", dataset: str | None) -> None:
    from pacbed.readers import read_pattern

    try:
        measurement = read_pattern(path, frame, dataset=dataset, alone=True)
    except PacbedError as error:
        _send(answers, {"error": type(error).__name__, "message": str(error)})
        return
    except MemoryError:
        message = f"{path}: needs more memory to be read than a pattern may: export one pattern."
        _send(answers, {"error": "FileFormatError", "message": message})
        return
    except Exception as error:  # a parser that failed in a way that nobody foresaw
        message = f"{path}: cannot be read ({type(error).__name__}): copy or export it again."
        _send(answers, {"error": "FileFormatError", "message": message})
        return
    head = {
        "shape": measurement.data.shape,
        "frames": measurement.frames,
        "metadata": dataclasses.asdict(measurement.metadata),
        "masked": measurement.pixel_mask is not None,
    }
    mask = b"" if measurement.pixel_mask is None else measurement.pixel_mask.tobytes()
    _send(answers, head, measurement.data.astype("<f4", copy=False).tobytes() + mask)


def _send(answers: BinaryIO, head: dict[str, Any], pixels: bytes = b"") -> None:
    answers.write(json.dumps(head).encode() + b"\n")
    answers.write(pixels)
    answers.flush()


def error_from(name: str, message: str) -> PacbedError:
    """Make the error that the reading process met, from its name and words."""
    kind = getattr(errors, name, FileFormatError)
    if not (isinstance(kind, type) and issubclass(kind, PacbedError)):
        kind = FileFormatError
    return kind(message)


if __name__ == "__main__":
    main(int(sys.argv[1]))
