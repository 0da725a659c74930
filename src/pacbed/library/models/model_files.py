"""The files of a model: a description with the hashes of the others, which makes them one model.

Each file is read once, and what was checked is what is used: nothing that changes on the
disk afterwards comes between the two.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pacbed.bounded import MOST_DESCRIPTION_BYTES, parse_json, read_bytes
from pacbed.errors import BundleError
from pacbed.files import write_atomically
from pacbed.library.system import System

SCHEMA = 2
DESCRIPTION, TABLE = "bundle.json", "lacbed.npz"
#: Kind of a model whose description names none.
ENGINE = "engine"
#: It stands in one line of a description, for who reads one; strings hold no line breaks in JSON.
_LIST_OF_NUMBERS = re.compile(r"\[\n[-+0-9.eE,\s]+\]")
#: A larger file is neither network nor table.
_LARGEST_BYTES = 2**28


def read_file(path: Path, hashes: Mapping[str, str] | None) -> bytes:
    """Read a file of a model.

    Parameters
    ----------
    path : Path
    hashes : mapping of str to str, or None
        SHA-256 by name, that the file must have; None where nobody has listed the files.

    Raises
    ------
    BundleError
        If it is missing, too large or another one than the model was made with.
    """
    content = _read(path, _LARGEST_BYTES)
    if hashes is not None and sha256(content) != hashes.get(path.name):
        raise BundleError(
            f"{path}: is not the file that the bundle was made with (SHA-256 differs); "
            "install the bundle again"
        )
    return content


@dataclass(frozen=True)
class Description:
    """What ``bundle.json`` says: where it lies, the kind of model, and all its entries."""

    path: Path
    kind: str
    content: dict[str, Any]

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Say where it stands what a wrong entry makes its reader raise."""
        try:
            yield
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(
                f"{self.path}: is not the description of a model of the kind {self.kind} "
                f"({error!r}); train it again"
            ) from error


def read_description(folder: Path, kind: str | None = None) -> Description:
    """Read the description of the model in a folder.

    Parameters
    ----------
    folder : Path
    kind : str, optional
        The only one that will do.

    Raises
    ------
    BundleError
        If the folder holds no model, one of another schema or of another kind.
    """
    path = Path(folder) / DESCRIPTION
    text = _read(path, MOST_DESCRIPTION_BYTES)
    try:
        content = parse_json(text)
        schema, found = content["schema"], content.get("kind", ENGINE)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(
            f"{path}: is not the description of a bundle ({error!r}); train it again"
        ) from error
    if schema != SCHEMA:
        raise BundleError(
            f"{path}: has schema {schema}, this version reads {SCHEMA}; train the bundle again"
        )
    if kind not in (None, found):
        raise BundleError(f"{path}: describes a model of the kind {found}, and not of {kind}")
    return Description(path, str(found), content)


def write_model(
    folder: Path,
    system: System,
    files: Mapping[str, bytes],
    entries: Mapping[str, Any],
    others: Iterable[str] = (),
) -> Path:
    """Write a model; its description comes last and makes it valid.

    Parameters
    ----------
    folder : Path
        Is made if it is missing.
    system : System
    files : mapping of str to bytes
        Content by name.
    entries : mapping
        What the description says beside schema, system and hashes.
    others : iterable of str
        Files that lie in the folder already and belong to the model.

    Returns
    -------
    Path
        The description.
    """
    folder.mkdir(parents=True, exist_ok=True)
    hashes = {name: _file_sha256(folder / name) for name in others}
    for name, content in files.items():
        write_atomically(folder / name, content)
        hashes[name] = sha256(content)
    described = {"schema": SCHEMA, "system": dataclasses.asdict(system), **entries}
    return write_description(folder, {**described, "sha256": hashes})


def write_description(folder: Path, content: dict[str, Any]) -> Path:
    """Put a description in place of the one that a folder has."""
    path = folder / DESCRIPTION
    text = json.dumps(content, indent=1)
    text = _LIST_OF_NUMBERS.sub(lambda found: " ".join(found[0].split()), text)
    write_atomically(path, (text + "\n").encode())
    return path


def sha256(content: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path, most: int) -> bytes:
    try:
        return read_bytes(path, most)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); restore it") from error
