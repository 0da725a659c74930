"""``pacbed wedge``: a simulated 4D-STEM scan to try maps with."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.declared import declared
from pacbed.commands.options import DataOption, check_output
from pacbed.commands.output import print_block
from pacbed.commands.progress import progress_bar
from pacbed.commands.select import choose_model
from pacbed.commands.wedge.options import WedgeScan
from pacbed.commands.wedge.truth import write_truth
from pacbed.errors import OutOfRangeError

if TYPE_CHECKING:
    from pacbed.lacbed.table import LacbedTable
    from pacbed.scans.wedge import WedgeOptions

#: Largest scan in a format that is written at once, bytes.
_AT_ONCE = 1 << 30


@declared
def wedge(
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="File: hspy with calibrated axes, or npy, which may be larger than the memory."
            " What the wedge is at each position is written beside it (…-truth.npz).",
            metavar="FILE",
        ),
    ],
    system: Annotated[
        str, typer.Option("--system", "-s", help="ID or name of the system.", metavar="ID|NAME")
    ] = "sto-001-300kV",
    scan: WedgeScan,
    frozen_phonons: Annotated[
        Path | None,
        typer.Option(
            "--frozen-phonons",
            help="Simulate every position with frozen phonons, of the crystal in this"
            " recipe, in place of the system's table. --step, --drift and --distortion do not"
            " count then.",
            metavar="RECIPE",
        ),
    ] = None,
    data: DataOption = None,
) -> None:
    """Simulate a 4D-STEM scan of a bent wedge, to try maps with.

    Example: [bold]pacbed wedge -o wedge.hspy[/bold], then
    [bold]pacbed map wedge.hspy --system sto-001-300kV --convergence 20 -o map.hspy[/bold]

    [bold]pacbed wedge --frozen-phonons recipes/sto-001-300kV.toml --size 64 -o wedge.hspy[/bold]
    is slow (up to a minute for each tilt) and independent of the table. Each window of 8 x 8
    positions is one cell of the crystal: 8 thicknesses along the columns, and a tilt for every 8
    rows.
    """
    check_output(output, (".hspy", ".npy"))
    if frozen_phonons is not None:
        from pacbed.commands.wedge.phonons import write_phonon_wedge

        write_phonon_wedge(output, frozen_phonons, scan)
        return
    from pacbed.library.models.kinds import table_of

    bundle = choose_model(system, None, None, "0 0 1", data)
    _write(output, table_of(bundle), scan.of_table(), bundle.system.known_high_tension_kV)
    size, detector = scan.size, scan.detector
    step = "" if output.suffix == ".hspy" else f" --step {scan.step:g}"
    print_block(
        str(output),
        [
            ("Scan", f"{size} x {size} positions of {detector} x {detector} pixels"),
            ("Map", f"pacbed map {output} --system {bundle.system.name} --convergence "
             f"{scan.convergence:g}{step} -o map.hspy"),
        ],
    )  # fmt: skip


def _write(path: Path, table: "LacbedTable", options: "WedgeOptions", high_tension: float) -> None:
    import numpy as np

    from pacbed.scans.wedge import wedge_rows, wedge_truth
    from pacbed.scans.writer import write_hspy, write_npy_rows

    shape = (*options.scan_shape, options.detector_px, options.detector_px)
    if path.suffix.lower() == ".hspy" and 2 * np.prod(shape, dtype=float) > _AT_ONCE:
        raise OutOfRangeError(
            f"{path}: a scan of shape {shape} is too large for hspy: give a name that ends in .npy."
        )
    with progress_bar("simulating") as bar:
        rows = wedge_rows(table, options, bar.update)
        if path.suffix.lower() == ".npy":
            write_npy_rows(path, shape, np.dtype(np.uint16), rows)
        else:
            counts = np.stack(list(rows))
            write_hspy(
                path, counts, options.step_nm, options.mrad_per_pixel,
                high_tension, options.convergence_mrad,
            )  # fmt: skip
    write_truth(path, wedge_truth(options))
