"""Which system a table of patterns belongs to: from options, recipe, columns and folder."""

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pacbed.commands.train.options import SystemOptions
from pacbed.errors import CrystalError, OutOfRangeError
from pacbed.library.system import UNKNOWN, System

if TYPE_CHECKING:
    from pacbed.library.recipe import Recipe
    from pacbed.library.tables.pattern_table import PatternTable


def table_system(
    table: "PatternTable", said: SystemOptions, recipe: "Recipe | None", data: Path | None = None
) -> System:
    """Describe the system of a table; its ranges are those of the rows.

    What neither options nor columns say is left unknown, and stands so in the bundle.

    Parameters
    ----------
    table : PatternTable
    said : SystemOptions
    recipe : Recipe or None
        Says what the options do not.
    data : Path or None
        Data folder, whose systems' numbers are taken.

    Raises
    ------
    OutOfRangeError
        If what is said makes no sense; the message names the option.
    """
    ranges: dict[str, Any] = {
        "thickness_nm": _range(table.thickness_angstrom / 10),
        "convergence_mrad": _range(table.convergence_mrad),
        "mistilt_mrad": _range(table.mistilt_mrad),
    }
    if recipe is not None:
        named = {"id": said.system_id, "name": said.name, "material": said.material}
        changed: dict[str, Any] = {k: value for k, value in named.items() if value is not None}
        return dataclasses.replace(recipe.system, **changed, **ranges)
    zone_axis = _zone_axis(table, said.zone_axis or table.one_value("Direction"))
    high_tension = _high_tension(table, said.high_tension)
    material = said.material or table.one_value("Material") or UNKNOWN
    composition = table.one_value("Composition") or table.one_value("Crystal") or material
    return System(
        _number(table, said.system_id, data),
        said.name or _name(table, composition, zone_axis, high_tension),
        material,
        composition,
        zone_axis,
        high_tension,
        **ranges,
    )


def _number(table: "PatternTable", given: int | None, data: Path | None) -> int:
    """As given, else the number of the folder, else the first above those of all systems."""
    from pacbed.library.installed import look, systems_without_model

    folder = _folder_number(table.path)
    if given is not None or folder is not None:
        return given if given is not None else folder  # type: ignore[return-value]
    taken = {model.system.id for model in look(data).models}
    taken |= {row.id for row in systems_without_model(data, taken)}
    return max(taken, default=-1) + 1


def _name(
    table: "PatternTable",
    composition: str,
    zone_axis: tuple[int, int, int] | None,
    high_tension_kV: float | None,
) -> str:
    """What is known of the system, else the name of the table's folder."""
    parts = [
        None if composition == UNKNOWN else _words(composition) or "system",
        None if zone_axis is None else "".join(map(str, zone_axis)),
        None if high_tension_kV is None else f"{high_tension_kV:g}kV",
    ]
    folder = table.path.resolve().parent
    if folder.name == "simulation":
        folder = folder.parent
    if parts[0] is None:
        parts[0] = _words(folder.name) or "table"
    return "-".join(part for part in parts if part is not None)


def _words(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-").lower()


def default_output(path: Path, system: System) -> Path:
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


def _zone_axis(table: "PatternTable", text: str | None) -> tuple[int, int, int] | None:
    from pacbed.library.zone_axis import parse_zone_axis

    if text is None:
        return None
    try:
        return parse_zone_axis(text.strip("()[] "))
    except CrystalError:
        raise OutOfRangeError(
            f"{table.path}: the zone axis {text!r} is not three whole numbers: "
            'give --zone-axis "0 0 1".'
        ) from None


def _high_tension(table: "PatternTable", given: float | None) -> float | None:
    """In kV; earlier tables have it in V too."""
    text = table.one_value("Electron_Energy")
    if given is None and text is None:
        return None
    try:
        value = given if given is not None else float((text or "").replace(",", "."))
    except ValueError:
        raise OutOfRangeError(
            f"{table.path}: its column Electron_Energy is not one number in kV: "
            "give --high-tension."
        ) from None
    if given is None and value > 3000:
        value /= 1e3
    if not 10 <= value <= 3000:
        raise OutOfRangeError(f"the high tension {value:g} kV lies outside 10 to 3000 kV.")
    return value
