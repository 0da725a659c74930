"""``pacbed systems``: what is installed."""

import dataclasses

from pacbed.commands.options import DataOption, JsonOption
from pacbed.commands.output import print_block, print_json, print_table

_HEADER = [
    "ID", "name", "material", "formula", "zone axis", "kV",
    "convergence/mrad", "thickness/nm", "mistilt/mrad", "model",
]  # fmt: skip


def systems(as_json: JsonOption = False, data: DataOption = None) -> None:
    """List the installed systems and the ranges that they cover, and broken bundles.

    The model is an engine (networks and a fit), a table (the fit alone, as [bold]pacbed
    add[/bold] makes it), labels (networks that choose among labels, trained from a table) or
    earlier (such networks of the earlier system).

    Example: [bold]pacbed systems --json[/bold]
    """
    from pacbed.library.installed import look, systems_without_model
    from pacbed.library.zone_axis import format_zone_axis

    found = look(data).warn()
    installed = [(model.system, model.kind) for model in found.by_number]
    if as_json:
        print_json([{**dataclasses.asdict(system), "model": kind} for system, kind in installed])
        return
    rows = [
        [
            str(system.id),
            system.name,
            system.material,
            system.composition,
            format_zone_axis(system.zone_axis),
            "?" if system.high_tension_kV is None else f"{system.high_tension_kV:g}",
            *(
                f"{low:g}-{high:g}"
                for low, high in (system.convergence_mrad, system.thickness_nm, system.mistilt_mrad)
            ),
            kind,
        ]
        for system, kind in installed
    ]
    print_table(_HEADER, rows, numbers={"ID", "kV", *_HEADER[-4:-1]})
    broken = dict.fromkeys(fault.folder for fault in found.faults)
    if broken:
        print_block("broken, left out", [("", str(folder)) for folder in broken])
    waiting = systems_without_model(data, {system.id for system, _ in installed})
    if waiting:
        print_block(
            "registered, no model yet", [("", f"{row.id} {row.material or ''}") for row in waiting]
        )
