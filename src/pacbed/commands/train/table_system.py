"""Which system a table of patterns belongs to: from options, recipe, columns and folder."""

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pacbed.commands.train.options import SystemOptions
from pacbed.errors import CrystalError, OutOfRangeError

if TYPE_CHECKING:
    from pacbed.library.recipe import Recipe
    from pacbed.library.system import System
    from pacbed.library.tables.pattern_table import PatternTable


def table_system(table: "PatternTable", said: SystemOptions, recipe: "Recipe | None") -> "System":
    """Describe the system of a table; its ranges are those of the rows.

    Parameters
    ----------
    table : PatternTable
    said : SystemOptions
    recipe : Recipe or None
        Says what the options do not.

    Raises
    ------
    OutOfRangeError
        If something is said nowhere; the message names the option.
    """
    from pacbed.library.system import System

    ranges: dict[str, Any] = {
        "thickness_nm": _range(table.thickness_angstrom / 10),
        "convergence_mrad": _range(table.convergence_mrad),
        "mistilt_mrad": _range(table.mistilt_mrad),
    }
    if recipe is not None:
        named = {"id": said.system_id, "name": said.name, "material": said.material}
        changed: dict[str, Any] = {k: value for k, value in named.items() if value is not None}
        return dataclasses.replace(recipe.system, **changed, **ranges)
    number = said.system_id if said.system_id is not None else _folder_number(table.path)
    material = said.material or table.one_value("Material")
    zone_axis_text = said.zone_axis or table.one_value("Direction")
    known = {
        "--id": number is not None,
        "--material": material,
        '--zone-axis "0 0 1"': zone_axis_text,
        "--high-tension": said.high_tension is not None or table.one_value("Electron_Energy"),
    }
    missing = [option for option, there in known.items() if not there]
    if number is None or not material or missing:
        raise OutOfRangeError(
            f"{table.path}: neither its place nor a column with one value says which system it is: "
            f"give {', '.join(missing)}, or a --recipe."
        )
    composition = table.one_value("Composition") or table.one_value("Crystal") or material
    zone_axis = _zone_axis(table, zone_axis_text)
    high_tension = _high_tension(table, said.high_tension)
    short = re.sub(r"[^A-Za-z0-9_]+", "-", composition).strip("-").lower()
    name = f"{short or 'system'}-{''.join(map(str, zone_axis))}-{high_tension:g}kV"
    return System(
        number,
        said.name if said.name is not None else name,
        material,
        composition,
        zone_axis,
        high_tension,
        **ranges,
    )


def default_output(path: Path, system: "System") -> Path:
    """Where a bundle goes by default: in a data folder into models, else beside the table."""
    parent = path.resolve().parent
    if _folder_number(path) is not None:
        return parent.parent / "models" / f"{system.name}-table"
    return path.parent / f"{path.stem}-model"


def _range(values: Any) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _folder_number(path: Path) -> int | None:
    """ID of the system in whose folder, ``data/<id>/simulation``, a table lies."""
    folder = path.resolve().parent
    inside = folder.name == "simulation" and folder.parent.name.isdecimal()
    return int(folder.parent.name) if inside else None


def _zone_axis(table: "PatternTable", text: str | None) -> tuple[int, int, int]:
    from pacbed.library.zone_axis import parse_zone_axis

    try:
        return parse_zone_axis((text or "").strip("()[] "))
    except CrystalError:
        raise OutOfRangeError(
            f"{table.path}: the zone axis {text or ''!r} is not three whole numbers: "
            'give --zone-axis "0 0 1".'
        ) from None


def _high_tension(table: "PatternTable", given: float | None) -> float:
    text = table.one_value("Electron_Energy")
    try:
        value = given if given is not None else float((text or "").replace(",", "."))
    except ValueError:
        raise OutOfRangeError(
            f"{table.path}: its column Electron_Energy is not one number in kV: "
            "give --high-tension."
        ) from None
    if not 10 <= value <= 3000:
        raise OutOfRangeError(f"the high tension {value:g} kV lies outside 10 to 3000 kV.")
    return value
