"""Simulated patterns as files, with the table that lists them.

::

    simulation/df.csv
    simulation/Tilt_4mrad_Azimuth_30deg_Conv_20mrad/0100_Angstrom.tif

A picture is float32: the share of the incident beam in each pixel, without noise or
background; its tags hold the angle per pixel. Paths in the table are relative to it.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from pacbed.errors import FileFormatError
from pacbed.files import write_atomically
from pacbed.lacbed.table import LacbedTable
from pacbed.library.csv_table import csv_text
from pacbed.library.system import System
from pacbed.library.tables.pattern_grid import PatternGrid
from pacbed.library.tables.picture_series import Group, Made, Series, SeriesTask, grouped
from pacbed.library.zone_axis import format_zone_axis

#: Columns of the table of patterns.
COLUMNS = (
    "Path", "Thickness", "Mistilt", "Conv_Angle", "Electron_Energy", "Azimuth", "Direction",
    "Material",
)  # fmt: skip
DATAFRAME = "df.csv"
#: What the files were made with; another plan does not go on where this one stopped.
_PLAN = "patterns.json"
#: Time after which the table is written anew while patterns are made.
_LIST_SECONDS = 5.0

#: Makes the pictures elsewhere, and gives them in any order.
Spread = Callable[[SeriesTask, list[Group]], Iterator[list[Made]]]


def write_patterns(
    folder: Path,
    table: LacbedTable,
    system: System,
    grid: PatternGrid,
    overwrite: bool = False,
    progress: Callable[[float], None] | None = None,
    spread: Spread = map,
) -> int:
    """Write the patterns of a grid, those that are there from before excepted.

    Each file is written whole or not at all, and ``df.csv`` lists files that are there
    alone, so that a training may use what an interruption left.

    Parameters
    ----------
    folder : Path
        The system's ``simulation``.
    table : LacbedTable
    system : System
        Gives material, zone axis and voltage.
    grid : PatternGrid
    overwrite : bool
        Whether patterns of another table or grid are replaced.
    progress : callable, optional
        Called with the finished share, 0..1.
    spread : callable
        ``spread(task, items)`` makes the pictures, in this process or elsewhere; they are
        written here.

    Returns
    -------
    int
        Patterns made now.

    Raises
    ------
    OutOfRangeError
        If the grid reaches beyond the table.
    FileFormatError
        If other patterns are there, or there is no space.
    """
    grid.check(table)
    _begin(folder, table, grid, overwrite)
    free = shutil.disk_usage(folder).free
    if grid.bytes > free:
        raise FileFormatError(
            f"{folder}: {grid.count} patterns need {grid.bytes / 1e9:.1f} GB, {free / 1e9:.1f} GB "
            "are free: give larger steps or a smaller size"
        )
    every = [(alpha, *tilt) for alpha in grid.convergence_mrad.values for tilt in grid.tilts]
    missing = {series: _missing(folder, grid, series) for series in every}
    asked = [(series, thicknesses) for series, thicknesses in missing.items() if thicknesses]
    there = {series for series, thicknesses in missing.items() if not thicknesses}
    made, listed = 0, time.monotonic()

    def enter() -> None:
        rows = [row for series in every if series in there for row in _rows(system, grid, series)]
        write_atomically(folder / DATAFRAME, csv_text(COLUMNS, rows).encode())

    try:
        for group in spread(SeriesTask(table, grid), grouped(asked, grid)):
            for series, pictures in group:
                place = folder / _folder_name(*series)
                place.mkdir(exist_ok=True)
                for thickness, picture in pictures.items():
                    write_atomically(place / _file_name(thickness), picture, durable=False)
                made += len(pictures)
                there.add(series)
            if time.monotonic() - listed > _LIST_SECONDS:
                listed = time.monotonic()
                enter()
            if progress is not None:
                progress(len(there) / len(every))
    finally:
        enter()
    return made


def _missing(folder: Path, grid: PatternGrid, series: Series) -> list[float]:
    """Thicknesses of a series, nm, that have no file."""
    place = folder / _folder_name(*series)
    return [t for t in grid.thickness_nm.values if not (place / _file_name(t)).exists()]


def _begin(folder: Path, table: LacbedTable, grid: PatternGrid, overwrite: bool) -> None:
    """Go on where the same patterns were begun; refuse or remove others."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = json.dumps({"grid": asdict(grid), "table": _digest(table)}).encode()
    path = folder / _PLAN
    if path.exists() and path.read_bytes() == plan:
        return
    listed = folder / DATAFRAME
    if path.exists() or listed.exists():
        if not overwrite:
            raise FileFormatError(
                f"{listed}: lists patterns of another grid or table: add --overwrite to replace "
                "them, or give the same options to go on with them"
            )
        _remove_patterns(folder)
    write_atomically(path, plan)


def _digest(table: LacbedTable) -> str:
    digest = hashlib.sha256()
    for part in (table.geometry.reciprocal, *table.bases, *table.coefficients):
        digest.update(np.ascontiguousarray(part, np.float32).tobytes())
    return digest.hexdigest()


def _remove_patterns(folder: Path) -> None:
    """Remove the table first, then the pictures that such a table lists, nothing else."""
    (folder / _PLAN).unlink(missing_ok=True)
    (folder / DATAFRAME).unlink(missing_ok=True)
    for place in folder.glob("Tilt_*"):
        if place.is_dir() and not place.is_symlink():
            # With what a process left that was killed while writing.
            for picture in (*place.glob("*_Angstrom.tif"), *place.glob(".*_Angstrom.tif.*")):
                picture.unlink(missing_ok=True)
            if not any(place.iterdir()):
                place.rmdir()


def _rows(system: System, grid: PatternGrid, series: Series) -> list[list[str]]:
    convergence_mrad, mistilt_mrad, azimuth_deg = series
    place = _folder_name(*series)
    return [
        [
            f"{place}/{_file_name(thickness)}",
            f"{10 * thickness:.10g}",
            f"{mistilt_mrad:.10g}",
            f"{convergence_mrad:.10g}",
            f"{system.known_high_tension_kV:.10g}",
            f"{azimuth_deg:.10g}",
            format_zone_axis(system.known_zone_axis),
            system.material,
        ]
        for thickness in grid.thickness_nm.values
    ]


def _folder_name(convergence_mrad: float, mistilt_mrad: float, azimuth_deg: float) -> str:
    return (
        f"Tilt_{mistilt_mrad:.10g}mrad_Azimuth_{azimuth_deg:.10g}deg"
        f"_Conv_{convergence_mrad:.10g}mrad"
    )


def _file_name(thickness_nm: float) -> str:
    angstrom = round(10 * thickness_nm, 3)
    width = f"{angstrom:04.0f}" if angstrom == int(angstrom) else f"{angstrom:08.3f}".rstrip("0")
    return f"{width}_Angstrom.tif"
