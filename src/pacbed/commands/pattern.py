"""``pacbed pattern``: one simulated pattern."""

from pathlib import Path
from typing import Annotated

import typer

from pacbed.commands.options import (
    DataOption,
    HighTensionOption,
    MaterialOption,
    SystemOption,
    TiltXOption,
    TiltYOption,
    ZoneAxisOption,
    check_output,
)
from pacbed.commands.output import print_block
from pacbed.commands.select import choose_model

_ENDINGS = (".npy", ".tif", ".tiff", ".png")


def pattern(
    thickness: Annotated[float, typer.Option(help="Thickness.", metavar="NM", min=0)],
    convergence: Annotated[float, typer.Option(help="Convergence semi-angle.", metavar="MRAD")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write: npy, tif or png.", metavar="FILE")
    ],
    system: SystemOption = None,
    material: MaterialOption = None,
    high_tension: HighTensionOption = None,
    zone_axis: ZoneAxisOption = "0 0 1",
    tilt_x: TiltXOption = 0.0,
    tilt_y: TiltYOption = 0.0,
    rotation: Annotated[
        float, typer.Option(help="Turn of the crystal from +x towards +y.", metavar="DEG")
    ] = 0.0,
    mrad_per_pixel: Annotated[
        float | None,
        typer.Option(
            help="Angle per pixel; by default the simulated field fills the picture.",
            metavar="MRAD",
        ),
    ] = None,
    size: Annotated[int, typer.Option(help="Rows and columns.", min=16, max=4096)] = 256,
    data: DataOption = None,
) -> None:
    """Write one simulated pattern, without noise or background.

    npy and tif hold the share of the incident beam in each pixel; png is scaled to
    16 bits, from 0 to the brightest pixel.

    Example: [bold]pacbed pattern --system sto-001-200kV --thickness 40 --convergence 20
    --tilt-x 3 -o pattern.tif[/bold]
    """  # fmt: skip
    from pacbed.files import write_atomically
    from pacbed.library.models.kinds import table_of
    from pacbed.pattern.encode import encode_pattern
    from pacbed.pattern.geometry import PatternParameters
    from pacbed.pattern.synthesis import synthesise

    check_output(output, _ENDINGS)
    table = table_of(choose_model(system, material, high_tension, zone_axis, data))
    if mrad_per_pixel is None:
        mrad_per_pixel = 2 * table.geometry.field * convergence / size
    parameters = PatternParameters(
        thickness_nm=thickness,
        tilt_x_mrad=tilt_x,
        tilt_y_mrad=tilt_y,
        convergence_mrad=convergence,
        mrad_per_pixel=mrad_per_pixel,
        rotation_deg=rotation,
    )
    image = synthesise(table, parameters, shape=(size, size))
    write_atomically(output, encode_pattern(image, output.suffix.lower(), mrad_per_pixel))
    rows = [
        ("Pixels", f"{size} x {size}, {mrad_per_pixel:.4g} mrad per pixel"),
        ("Intensity", f"{100 * float(image.sum()):.1f} % of the incident beam"),
    ]
    print_block(str(output), rows)
