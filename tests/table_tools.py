"""Models that are a table alone, and small scans of what a table says."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from pacbed.lacbed.table import LacbedTable
from pacbed.library.changes.install import install_model
from pacbed.library.models.table_model import TableModel, write_table_model
from pacbed.library.system import System
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise
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


def stepped_scan(
    table: LacbedTable, thickness_nm: tuple[float, float], convergence_mrad: float
) -> np.ndarray:
    """Counts of 4 x 6 positions over two thicknesses: the right third is of the second."""
    random = np.random.default_rng(5)
    scan = np.empty((4, 6, 48, 48), np.uint16)
    for thickness, columns in zip(thickness_nm, (slice(0, 4), slice(4, 6)), strict=True):
        where = PatternParameters(
            thickness_nm=thickness, tilt_x_mrad=1.0, tilt_y_mrad=-0.5,
            convergence_mrad=convergence_mrad,
            mrad_per_pixel=2 * table.geometry.field * convergence_mrad / 48,
        )  # fmt: skip
        pattern = np.nan_to_num(synthesise(table, where, shape=(48, 48))).clip(0)
        part = scan[:, columns]
        part[...] = random.poisson(20_000 * pattern / pattern.sum(), part.shape)
    return scan
