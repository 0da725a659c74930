"""Table models: a LACBED table alone, which answers without a trained network."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pacbed.lacbed.table import LacbedTable
from pacbed.library.models.kinds import Model
from pacbed.library.models.model_files import TABLE, write_model
from pacbed.library.system import System

#: What ``kind`` says in the description of a table model.
KIND = "table"


@dataclass(frozen=True, kw_only=True)
class TableModel(Model, kind=KIND):
    """A model that is a table and nothing else; it answers by a search."""

    @classmethod
    def _own_entries(
        cls, content: dict[str, Any], folder: Path, hashes: dict[str, str]
    ) -> dict[str, Any]:
        if TABLE not in hashes:
            raise ValueError(f"{TABLE} is not among its files")
        return {}

    @cached_property
    def table(self) -> LacbedTable:
        """The LACBED table."""
        return LacbedTable.from_bytes(self.read(TABLE), str(self.folder / TABLE))


def write_table_model(
    folder: Path, system: System, table: LacbedTable, provenance: dict[str, Any]
) -> Path:
    """Write a table model; its description comes last and makes it valid.

    Parameters
    ----------
    folder : Path
        Is made if it is missing.
    system : System
    table : LacbedTable
    provenance : dict
        Versions, options and dates that made it.

    Returns
    -------
    Path
        The description.
    """
    entries = {"kind": KIND, "provenance": provenance}
    return write_model(folder, system, {TABLE: table.to_bytes()}, entries)
