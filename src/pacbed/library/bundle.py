"""Bundles: the networks, a LACBED table and where they come from, in one folder."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pacbed.lacbed.table import LacbedTable
from pacbed.library.kinds import register_kind
from pacbed.library.model_files import (
    ENGINE,
    TABLE,
    Description,
    ModelFiles,
    read_description,
    write_description,
    write_model,
)
from pacbed.library.system import System

LOCATOR, READER = "locator.onnx", "reader.onnx"


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

    kind = ENGINE
    has_table = True

    @classmethod
    def load(cls, folder: Path) -> "Bundle":
        """Read a bundle's description.

        Parameters
        ----------
        folder : Path

        Raises
        ------
        BundleError
            If the folder is no bundle, or one of another schema or kind.
        """
        return cls.described(read_description(folder, ENGINE))

    @classmethod
    def described(cls, description: Description) -> "Bundle":
        """The bundle that a description is of; see :meth:`load`."""
        with description.explained() as (content, hashes):
            return cls(
                description.folder,
                System.from_json(content["system"]),
                dict(content["input"]),
                dict(content["provenance"]),
                hashes,
                dict(content.get("calibration", {})),
            )

    @property
    def convergence_mrad(self) -> tuple[float, float]:
        """Range of convergence semi-angles that it can answer for."""
        return self.system.convergence_mrad

    @property
    def engine(self) -> "Bundle":
        """Itself."""
        return self

    @property
    def labels(self) -> None:
        """None: its networks do not choose among labels."""

    def check_answers(self) -> None:
        """Nothing to refuse: it has all that an answer needs."""

    def _read(self, name: str) -> bytes:
        return ModelFiles(self.folder, self.hashes).read(name)

    @cached_property
    def locator(self) -> bytes:
        """The locator as ONNX."""
        return self._read(LOCATOR)

    @cached_property
    def reader(self) -> bytes:
        """The reader as ONNX."""
        return self._read(READER)

    @cached_property
    def table(self) -> LacbedTable:
        """The LACBED table."""
        return LacbedTable.from_bytes(self._read(TABLE), str(self.folder / TABLE))


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
    files = {LOCATOR: locator, READER: reader, TABLE: table.to_bytes()}
    write_model(folder, system, files, {"input": network_input, "provenance": provenance})


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
    description = read_description(folder, ENGINE)
    Bundle.described(description)
    write_description(folder, {**description.content, "calibration": calibration})


register_kind(ENGINE, Bundle.described)
