"""Bundles: a network, a LACBED table and where both come from, in one folder."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pacbed.errors import BundleError
from pacbed.files import write_atomically
from pacbed.lacbed.table import LacbedTable
from pacbed.library.system import System

SCHEMA = 1
DESCRIPTION, NETWORK, TABLE = "bundle.json", "network.onnx", "lacbed.npz"


@dataclass(frozen=True)
class Bundle:
    """An installed bundle; the large parts are read when they are first needed.

    Attributes
    ----------
    folder : Path
    system : System
    input : dict
        What the network expects: ``size``, ``aperture_px``, ``rotation_order``,
        ``thickness_bins``.
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
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["schema"] != SCHEMA:
                raise BundleError(
                    f"{path}: has schema {content['schema']}, this version reads {SCHEMA}; "
                    "train the bundle again"
                )
            values: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v for k, v in content["system"].items()
            }
            return cls(
                Path(folder),
                System(**values),
                dict(content["input"]),
                dict(content["provenance"]),
                {str(k): str(v) for k, v in content["sha256"].items()},
            )
        except OSError as error:
            raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(
                f"{path}: is not the description of a bundle ({error!r}); train it again"
            ) from error

    def _verified(self, name: str) -> Path:
        path = self.folder / name
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
        if digest != self.hashes.get(name):
            raise BundleError(
                f"{path}: is not the file that the bundle was made with (SHA-256 differs); "
                "install the bundle again"
            )
        return path

    @cached_property
    def network(self) -> bytes:
        """The network as ONNX."""
        return self._verified(NETWORK).read_bytes()

    @cached_property
    def table(self) -> LacbedTable:
        """The LACBED table."""
        return LacbedTable.load(self._verified(TABLE))


def write_bundle(
    folder: Path,
    system: System,
    network: bytes,
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
    network : bytes
        ONNX.
    table : LacbedTable
    network_input : dict
        See :class:`Bundle`.
    provenance : dict
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / NETWORK, network)
    table.save(folder / TABLE)
    hashes = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (NETWORK, TABLE)
    }
    content = {
        "schema": SCHEMA,
        "system": dataclasses.asdict(system),
        "input": network_input,
        "provenance": provenance,
        "sha256": hashes,
    }
    write_atomically(folder / DESCRIPTION, (json.dumps(content, indent=1) + "\n").encode())
