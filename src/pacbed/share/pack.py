"""From an installed system to one file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pacbed.bounded import MOST_DESCRIPTION_BYTES, read_bytes
from pacbed.errors import BundleError, OutOfRangeError
from pacbed.library.changes.registration import RECIPE
from pacbed.library.installed import shipped_systems
from pacbed.library.models.kinds import Model
from pacbed.library.models.model_files import DESCRIPTION
from pacbed.library.register.rows import CRYSTAL_FILE
from pacbed.share.archive import write_archive
from pacbed.share.card import ANSWER, CARD, PATTERN, About, make_card
from pacbed.share.test_pair import make_pair

#: How a packed system's file ends.
ENDING = ".pacbed.zip"


@dataclass(frozen=True)
class Packed:
    """A system as one file: its bytes, the names of its members, and whether it has a test."""

    content: bytes
    names: tuple[str, ...]
    has_test: bool


def pack_system(
    model: Model, about: About, told: Callable[[float, str], None] | None = None
) -> Packed:
    """Pack a system with its card and a test pattern with its answer.

    Parameters
    ----------
    model : Model
        Of a data folder.
    about : About
    told : callable, optional
        Called with the share that is done, 0..1, and what comes next.

    Raises
    ------
    BundleError
        If a file is missing or another one, or the model has no list of its files.
    OutOfRangeError
        If it is a system that everybody has.
    """
    if model.system in shipped_systems():
        raise OutOfRangeError(
            f"the system {model.system.name} comes with the program: whoever has that has it too"
        )
    if not model.sealed:
        raise BundleError(
            f"{model.folder}: is a folder of the earlier system, without a list of its files: "
            "convert it first with pacbed convert"
        )
    files = {f"model/{DESCRIPTION}": _read(model.folder / DESCRIPTION)}
    files |= {f"model/{name}": model.read(name) for name in sorted(model.hashes)}
    home = model.folder.parents[1]
    if (home / RECIPE).is_file() and (home / CRYSTAL_FILE).is_file():
        files |= {f"crystal/{name}": _read(home / name) for name in (CRYSTAL_FILE, RECIPE)}
    if told is not None:
        told(0.2, "asking for its test pattern")
    pair = make_pair(model)
    if pair is not None:
        files |= {PATTERN: pair[0], ANSWER: pair[1]}
    card = make_card(model, files, about)
    return Packed(write_archive({CARD: card, **files}), (CARD, *files), pair is not None)


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path, MOST_DESCRIPTION_BYTES)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); restore it") from error
