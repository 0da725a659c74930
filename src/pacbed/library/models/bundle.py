"""Bundles: the networks, a LACBED table and where they come from, in one folder."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pacbed.errors import UnknownSystemError
from pacbed.lacbed.table import LacbedTable
from pacbed.library.models.kinds import Model, model_of
from pacbed.library.models.model_files import (
    ENGINE,
    TABLE,
    read_description,
    write_description,
    write_model,
)
from pacbed.library.system import System

LOCATOR, READER = "locator.onnx", "reader.onnx"
_MOST_BINS = 10_000


@dataclass(frozen=True, kw_only=True)
class Bundle(Model, kind=ENGINE):
    """A model with an engine: a locator and a reader, and a table to fit with.

    Attributes
    ----------
    input : dict
        What the networks expect: ``size``, ``aperture_px``, ``frame_size``,
        ``rotation_order``, ``operations`` (the projection's point group),
        ``thickness_bins``.
    """

    input: dict[str, Any]

    @classmethod
    def _own_entries(
        cls, content: dict[str, Any], folder: Path, hashes: dict[str, str]
    ) -> dict[str, Any]:
        return {"input": _input(content["input"])}

    @cached_property
    def locator(self) -> bytes:
        """The locator as ONNX."""
        return self.read(LOCATOR)

    @cached_property
    def reader(self) -> bytes:
        """The reader as ONNX."""
        return self.read(READER)

    @cached_property
    def table(self) -> LacbedTable:
        """The LACBED table."""
        return LacbedTable.from_bytes(self.read(TABLE), str(self.folder / TABLE))


def engine_of(model: Model) -> Bundle:
    """The model as an engine, or an :class:`UnknownSystemError` where it is none."""
    engine = model.as_kind(Bundle)
    if engine is None:
        raise UnknownSystemError(
            f"the model of the system {model.system.name} has no networks that read where a "
            "crystal lies, and this needs them: pacbed train RECIPE makes them"
        )
    return engine


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
    files = {LOCATOR: locator, READER: reader, TABLE: table.to_bytes()}
    write_model(folder, system, files, {"input": network_input, "provenance": provenance})


def write_calibration(folder: Path, calibration: dict[str, Any]) -> None:
    """Put a calibration into a model's description, in place of the one it has.

    Parameters
    ----------
    folder : Path
    calibration : dict
        See :mod:`pacbed.infer.judge.confidence`.

    Raises
    ------
    BundleError
        If the folder holds no model.
    """
    description = read_description(folder)
    model_of(description)
    write_description(folder, {**description.content, "calibration": calibration})
