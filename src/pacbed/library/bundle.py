"""Bundles: the networks, a LACBED table and where they come from, in one folder."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pacbed.bounded import read_bytes, read_json
from pacbed.errors import BundleError
from pacbed.files import write_atomically
from pacbed.lacbed.table import LacbedTable
from pacbed.library.system import System

SCHEMA = 2
#: What ``kind`` says in the description, where it says anything.
ENGINE = "engine"
DESCRIPTION, TABLE = "bundle.json", "lacbed.npz"
LOCATOR, READER = "locator.onnx", "reader.onnx"
#: A larger file is neither network nor table.
_LARGEST_BYTES = 2**28
_MOST_BINS = 10_000


@dataclass(frozen=True)
class Bundle:
    """An installed bundle; the large parts are read when they are first needed.

    Attributes
    ----------
    folder : Path
    system : System
    input : dict
        What the networks expect: ``size``, ``aperture_px``, ``frame_size``,
        ``rotation_order``, ``operations`` (the projection's point group),
        ``thickness_bins``.
    calibration : dict
        Measured errors and thresholds, see :mod:`pacbed.infer.confidence`; empty where
        the bundle has not been calibrated.
    provenance : dict
        Versions, options and dates that made the bundle.
    hashes : dict
        SHA-256 of each file, hexadecimal.
    """

    folder: Path
    system: System
    input: dict[str, Any]
    provenance: dict[str, Any]
    hashes: dict[str, str]
    calibration: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> "Bundle":
        """Read a bundle's description.

        Parameters
        ----------
        folder : Path

        Raises
        ------
        BundleError
            If the folder is no bundle or one of another schema.
        """
        path = Path(folder) / DESCRIPTION
        try:
            content = read_json(path)
            if content["schema"] != SCHEMA:
                raise BundleError(
                    f"{path}: has schema {content['schema']}, this version reads {SCHEMA}; "
                    "train the bundle again"
                )
            if content.get("kind", ENGINE) != ENGINE:
                raise BundleError(
                    f"{path}: describes a model of the kind {content['kind']}; give a bundle that "
                    "was made from a crystal"
                )
            return cls(
                Path(folder),
                System.from_json(content["system"]),
                _input(content["input"]),
                dict(content["provenance"]),
                {str(k): str(v) for k, v in content["sha256"].items()},
                dict(content.get("calibration", {})),
            )
        except OSError as error:
            raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(
                f"{path}: is not the description of a bundle ({error!r}); train it again"
            ) from error

    def _verified(self, name: str) -> bytes:
        path = self.folder / name
        try:
            content = read_bytes(path, _LARGEST_BYTES)
        except OSError as error:
            raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
        if hashlib.sha256(content).hexdigest() != self.hashes.get(name):
            raise BundleError(
                f"{path}: is not the file that the bundle was made with (SHA-256 differs); "
                "install the bundle again"
            )
        return content

    @cached_property
    def locator(self) -> bytes:
        """The locator as ONNX."""
        return self._verified(LOCATOR)

    @cached_property
    def reader(self) -> bytes:
        """The reader as ONNX."""
        return self._verified(READER)

    @cached_property
    def table(self) -> LacbedTable:
        """The LACBED table."""
        self._verified(TABLE)
        return LacbedTable.load(self.folder / TABLE)


def _input(given: Any) -> dict[str, Any]:
    bins = given["thickness_bins"]
    if type(bins) is not int or not 2 <= bins <= _MOST_BINS:
        raise ValueError(f"thickness_bins is {str(bins)[:40]}")
    return dict(given)


def write_bundle(
    folder: Path,
    system: System,
    locator: bytes,
    reader: bytes,
    table: LacbedTable,
    network_input: dict[str, Any],
    provenance: dict[str, Any],
) -> None:
    """Write a bundle; its description comes last and makes it valid.

    Parameters
    ----------
    folder : Path
        Is made if it is missing.
    system : System
    locator, reader : bytes
        ONNX.
    table : LacbedTable
    network_input : dict
        See :class:`Bundle`.
    provenance : dict
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / LOCATOR, locator)
    write_atomically(folder / READER, reader)
    table.save(folder / TABLE)
    hashes = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (LOCATOR, READER, TABLE)
    }
    content = {
        "schema": SCHEMA,
        "system": dataclasses.asdict(system),
        "input": network_input,
        "provenance": provenance,
        "sha256": hashes,
    }
    _write_description(folder, content)


def write_calibration(folder: Path, calibration: dict[str, Any]) -> None:
    """Put a calibration into a bundle's description, in place of the one it has.

    Parameters
    ----------
    folder : Path
    calibration : dict
        See :mod:`pacbed.infer.confidence`.

    Raises
    ------
    BundleError
        If the folder is no bundle.
    """
    Bundle.load(folder)
    content = read_json(folder / DESCRIPTION)
    _write_description(folder, {**content, "calibration": calibration})


def _write_description(folder: Path, content: dict[str, Any]) -> None:
    write_atomically(folder / DESCRIPTION, (json.dumps(content, indent=1) + "\n").encode())
