"""``pacbed wedge``: a simulated 4D-STEM scan to try maps with."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.options import DataOption, check_output, parse_numbers
from pacbed.commands.output import print_block, progress_bar
from pacbed.commands.select import choose_model
from pacbed.errors import OutOfRangeError

if TYPE_CHECKING:
    from pacbed.lacbed.table import LacbedTable
    from pacbed.maps.wedge import WedgeOptions, WedgeTruth

#: Largest scan in a format that is written at once, bytes.
_AT_ONCE = 1 << 30


def wedge(
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
    size: Annotated[
        int, typer.Option(help="Scan positions along each side.", min=2, max=4096, metavar="N")
    ] = 32,
    detector: Annotated[
        int, typer.Option(help="Detector pixels along each side.", min=32, max=1024, metavar="N")
    ] = 128,
    step: Annotated[float, typer.Option(help="Distance of positions.", metavar="NM")] = 0.1,
    convergence: Annotated[
        float, typer.Option(help="Convergence semi-angle.", metavar="MRAD")
    ] = 20.0,
    mrad_per_pixel: Annotated[float, typer.Option(help="Angle per pixel.", metavar="MRAD")] = 0.5,
    thickness: Annotated[
        str, typer.Option(help="Thickness at the left and at the right.", metavar="NM,NM")
    ] = "5,90",
    mistilt: Annotated[
        float, typer.Option(help="Largest mistilt in the field.", min=0, metavar="MRAD")
    ] = 6.0,
    electrons: Annotated[float, typer.Option(help="Electrons per position.")] = 5000.0,
    drift: Annotated[
        float, typer.Option(help="Way of the pattern on the detector.", metavar="PIXELS")
    ] = 2.0,
    distortion: Annotated[
        float, typer.Option(help="Displacement of the scan lines, as a share of the field.")
    ] = 0.01,
    seed: Annotated[int, typer.Option(help="Seed of the noise.", min=0)] = 1,
    frozen_phonons: Annotated[
        Path | None,
        typer.Option(
            "--frozen-phonons",
            help="Simulate every position by abTEM with frozen phonons, of the crystal in this"
            " recipe, in place of the system's table. --step, --drift and --distortion do not"
            " count then.",
            metavar="RECIPE",
        ),
    ] = None,
    tilts: Annotated[
        int, typer.Option(help="Tilts of a scan with frozen phonons.", min=1, max=64, metavar="N")
    ] = 2,
    data: DataOption = None,
) -> None:
    """Simulate a 4D-STEM scan of a bent wedge, to try maps with.

    Example: [bold]pacbed wedge -o wedge.hspy[/bold], then
    [bold]pacbed map wedge.hspy --system sto-001-300kV --convergence 20 -o map.hspy[/bold]

    [bold]pacbed wedge --frozen-phonons recipes/sto-001-300kV.toml --size 64 -o wedge.hspy[/bold]
    is slow (a minute and more for each tilt) and independent of the table. Each window of 8 x 8
    positions is one cell of the crystal: 8 thicknesses along the columns, and a tilt for every 8
    rows. Needs the extra [bold]sim[/bold].
    """
    check_output(output, (".hspy", ".npy"))
    if frozen_phonons is not None:
        from pacbed.commands.wedge_phonons import PhononWedge, write_phonon_wedge

        asked = PhononWedge(
            columns=size, tilts=tilts, detector_px=detector, convergence_mrad=convergence,
            mrad_per_pixel=mrad_per_pixel, thickness_nm=_limits(thickness), mistilt_mrad=mistilt,
            electrons=electrons, seed=seed,
        )  # fmt: skip
        write_phonon_wedge(output, frozen_phonons, asked)
        return
    from pacbed.library.kinds import engine_of
    from pacbed.maps.wedge import WedgeOptions

    options = WedgeOptions(
        scan_shape=(size, size),
        detector_px=detector,
        convergence_mrad=convergence,
        mrad_per_pixel=mrad_per_pixel,
        thickness_nm=_limits(thickness),
        mistilt_mrad=mistilt,
        electrons=electrons,
        drift_px=drift,
        distortion=distortion,
        step_nm=step,
        seed=seed,
    )
    bundle = engine_of(choose_model(system, None, None, "0 0 1", data))
    _write(output, bundle.table, options, bundle.system.high_tension_kV)
    print_block(
        str(output),
        [
            ("Scan", f"{size} x {size} positions of {detector} x {detector} pixels"),
            ("Map", f"pacbed map {output} --system {bundle.system.name} --convergence "
             f"{convergence:g}{'' if output.suffix == '.hspy' else f' --step {step:g}'}"
             " -o map.hspy"),
        ],
    )  # fmt: skip


def _limits(text: str) -> tuple[float, float]:
    limits = parse_numbers(text, "--thickness")
    if len(limits) != 2:
        raise OutOfRangeError(f'--thickness "{text}": give two numbers, such as 5,90.')
    return limits[0], limits[1]


def _write(path: Path, table: "LacbedTable", options: "WedgeOptions", high_tension: float) -> None:
    import numpy as np

    from pacbed.maps.scan_writer import write_hspy, write_npy_rows
    from pacbed.maps.wedge import wedge_rows, wedge_truth

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


def write_truth(output: Path, truth: "WedgeTruth") -> None:
    """Write what a wedge is at each position beside its scan."""
    import io

    import numpy as np

    from pacbed.files import write_atomically

    arrays: dict[str, np.ndarray] = vars(truth)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_atomically(output.with_name(f"{output.stem}-truth.npz"), buffer.getvalue())
