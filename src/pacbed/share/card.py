"""The card of a shared system, ``system.json``: what it is, from whom, and what to expect of it.

Names follow the model descriptions of bioimage.io where they fit: ``name``, ``description``,
``authors``, ``license``, ``cite``, ``tags``, ``version``, ``timestamp``, ``test_inputs``,
``test_outputs``, ``attachments`` with ``source`` and ``sha256``; what is PACBED's own stands in
``config.pacbed``. It is no description of a bioimage.io model: a table is no network.
"""

import dataclasses
import datetime
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pacbed.bounded import parse_json
from pacbed.library.models.kinds import Model
from pacbed.version import __version__

CARD, FORMAT = "system.json", "pacbed-system-1"
PATTERN, ANSWER = "test/pattern.npy", "test/answer.json"
_LONGEST = 2000
#: SPDX expressions, and nothing that needs quoting.
_LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+ ()-]{0,99}")
_DOI = re.compile(r"10\.\d{4,9}/[!-~]{1,200}")


@dataclass(frozen=True)
class About:
    """What only the sender knows.

    Attributes
    ----------
    authors : tuple of str
    licence : str
        SPDX identifier such as ``CC-BY-4.0``; empty where nobody said one.
    doi : str
        Of the deposited file, or of the paper to cite; empty likewise.
    description : str

    Raises
    ------
    ValueError
        If one of them is of another form.
    """

    authors: tuple[str, ...] = ()
    licence: str = ""
    doi: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        if self.licence and not _LICENCE.fullmatch(self.licence):
            raise ValueError(f'the licence "{self.licence[:80]}" is no SPDX name like CC-BY-4.0')
        if self.doi and not _DOI.fullmatch(self.doi):
            raise ValueError(f'the DOI "{self.doi[:80]}" is not like 10.5281/zenodo.1234567')
        for text in (*self.authors, self.description):
            _text(text)
        if len(self.authors) > 100:
            raise ValueError("there are more than 100 authors")


@dataclass(frozen=True)
class Card:
    """A card as it was read.

    Attributes
    ----------
    name : str
        Of the system.
    about : About
    hashes : dict of str to str
        SHA-256 of every file beside the card, by name.
    has_test : bool
        Whether there is a pattern with its answer.
    version : str
        Of the program that packed it.
    """

    name: str
    about: About
    hashes: dict[str, str]
    has_test: bool
    version: str


def make_card(model: Model, files: Mapping[str, bytes], about: About) -> bytes:
    """Write the card of a model's archive.

    Parameters
    ----------
    model : Model
    files : mapping of str to bytes
        All that the archive holds beside the card.
    about : About
    """
    system = model.system
    content = {
        "format": FORMAT,
        "name": system.name,
        "description": about.description or f"{system.material} as {system.name}",
        "authors": [{"name": author} for author in about.authors],
        "license": about.licence or None,
        "cite": [{"text": "the system itself", "doi": about.doi}] if about.doi else [],
        "tags": ["PACBED", system.composition],
        "version": __version__,
        "timestamp": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "test_inputs": [PATTERN] if PATTERN in files else [],
        "test_outputs": [ANSWER] if ANSWER in files else [],
        "attachments": [
            {"source": name, "sha256": _sha256(data)} for name, data in sorted(files.items())
        ],
        "config": {
            "pacbed": {
                "system": dataclasses.asdict(system),
                "model": model.kind,
                "calibration": model.calibration,
            }
        },
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def read_card(files: Mapping[str, bytes]) -> Card:
    """Read the card of an archive, and hold all its files against it.

    Parameters
    ----------
    files : mapping of str to bytes
        All members.

    Raises
    ------
    ValueError
        If there is no card, it cannot be read, or a file is missing, is another one, or is not
        listed.
    """
    if CARD not in files:
        raise ValueError(f"it has no {CARD}")
    given = parse_json(files[CARD])
    try:
        if given["format"] != FORMAT:
            raise ValueError(f"its form is {str(given['format'])[:40]}, known is {FORMAT}")
        hashes = {str(one["source"]): str(one["sha256"]) for one in given["attachments"]}
        about = About(
            tuple(_text(author["name"]) for author in given["authors"]),
            _text(given["license"] or ""),
            _text(given["cite"][0]["doi"]) if given["cite"] else "",
            _text(given["description"]),
        )
        card = Card(
            _text(given["name"]), about, hashes, bool(given["test_inputs"]), _text(given["version"])
        )
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"{CARD} lacks an entry, or has a wrong one ({error})") from error
    others = set(files) - {CARD}
    if others != set(hashes):
        odd = sorted(others ^ set(hashes))[0]
        raise ValueError(f"{odd[:80]} is {'not listed' if odd in others else 'missing'}")
    for name in sorted(others):
        if _sha256(files[name]) != hashes[name]:
            raise ValueError(f"{name} is not the file that was packed (SHA-256 differs)")
    if card.has_test and not {PATTERN, ANSWER} <= others:
        raise ValueError("its test is not there")
    return card


def _text(given: Any) -> str:
    """A text as it may be printed: no escape sequences for whoever looks at it on a terminal."""
    if not isinstance(given, str) or len(given) > _LONGEST or not given.isprintable():
        raise ValueError(f"a text is none, or not one line of at most {_LONGEST} characters")
    return given


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
