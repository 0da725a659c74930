"""``pacbed systems``: what is installed."""

from pacbed.commands.options import DataOption, JsonOption
from pacbed.commands.output import print_block, print_json, print_table

_HEADER = [
    "ID", "name", "material", "formula", "zone axis", "kV",
    "convergence/mrad", "thickness/nm", "mistilt/mrad",
]  # fmt: skip


def systems(as_json: JsonOption = False, data: DataOption = None) -> None:
    """List the installed systems and the ranges that they cover, and broken bundles.

    Example: [bold]pacbed systems --json[/bold]
    """
    from pacbed.library.register import broken_bundles, installed_systems
    from pacbed.library.zone_axis import format_zone_axis

    installed = installed_systems(data)
    if as_json:
        print_json(installed)
        return
    rows = [
        [
            str(system.id),
            system.name,
            system.material,
            system.composition,
            format_zone_axis(system.zone_axis),
            f"{system.high_tension_kV:g}",
            *(
                f"{low:g}-{high:g}"
                for low, high in (system.convergence_mrad, system.thickness_nm, system.mistilt_mrad)
            ),
        ]
        for system in installed
    ]
    print_table(_HEADER, rows, numbers={"ID", "kV", *_HEADER[-3:]})
    broken = broken_bundles(data)
    if broken:
        print_block("broken, left out", [("", str(folder)) for folder in broken])
