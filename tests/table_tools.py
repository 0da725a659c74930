"""Models that are a table alone, made of the tables that come with the program."""

from dataclasses import replace
from pathlib import Path

from pacbed.lacbed.table import LacbedTable
from pacbed.library.changes.install import install_model
from pacbed.library.models.table_model import TableModel, write_table_model
from pacbed.library.system import System
from tests.label_tools import add_register_row

#: What :func:`register_table` calls its system, and its number.
NAME, NUMBER = "sto-table-alone", 61


def table_model(folder: Path, system: System, table: LacbedTable) -> TableModel:
    """Write a model without networks, and load it."""
    write_table_model(folder, system, table, {"version": "test"})
    return TableModel.load(folder)


def register_table(data: Path, system: System, table: LacbedTable) -> TableModel:
    """Make a data folder with a system that has no networks, and few tilts to search."""
    system = replace(system, id=NUMBER, name=NAME, mistilt_mrad=(0.0, 3.0))
    add_register_row(data, NUMBER)
    folder = data / str(NUMBER) / "models" / "table"
    folder.parent.mkdir(parents=True)
    model = table_model(folder, system, table)
    install_model(data, folder)
    return model
