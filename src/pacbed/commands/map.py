"""``pacbed map``: thickness and mistilt over a 4D-STEM scan."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.options import (
    DataOption,
    HighTensionOption,
    JsonOption,
    MaterialOption,
    NoRefineOption,
    SystemOption,
    ZoneAxisOption,
    check_output,
    parse_numbers,
)
from pacbed.commands.output import print_block, print_json, progress_bar
from pacbed.commands.select import choose_system
from pacbed.errors import FileFormatError, OutOfRangeError

if TYPE_CHECKING:
    import numpy as np

    from pacbed.library.bundle import Bundle
    from pacbed.library.system import System
    from pacbed.maps.blocks import Spread
    from pacbed.maps.options import MapOptions
    from pacbed.maps.scan import Scan
    from pacbed.maps.scan_files import RawLayout
    from pacbed.maps.thickness_map import ThicknessMap

#: Endings of the file that is written; see ``pacbed.maps.output``.
_ENDINGS = (".npz", ".hspy", ".zspy")


@dataclass(frozen=True)
class _Place:
    """Where the windows are inferred: processes here, or a cluster."""

    workers: int | None
    scheduler: str | None
    local: int | None

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.workers, self.scheduler, self.local)) > 1:
            raise OutOfRangeError(
                "--workers, --scheduler and --local-cluster exclude each other: give one."
            )

    @contextmanager
    def spread(self, scan: "Scan", bundle: "Bundle", options: "MapOptions") -> "Iterator[Spread]":
        """How blocks are computed, for as long as it is needed."""
        from pacbed.maps import cluster
        from pacbed.maps.options import make_grid
        from pacbed.maps.processes import default_workers, spread_over_processes

        if self.scheduler is not None or self.local is not None:
            connected = (
                cluster.connect(self.scheduler)
                if self.scheduler is not None
                else cluster.local_cluster(self.local or 1)
            )
            with connected as client:
                yield cluster.spread_over_cluster(client)
            return
        rows, columns = make_grid(scan, bundle, options)[0].shape
        yield spread_over_processes(self.workers or default_workers(rows * columns))


def map_scan(
    file: Annotated[
        Path,
        typer.Argument(
            help="4D-STEM scan: dm4, mib, emd, hdf5, npy, raw, blo, hspy, zspy, EMPAD (xml) and"
            " others.",
            metavar="FILE",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="File for all maps: hspy or zspy for HyperSpy, npz for NumPy. A picture (png) and"
            " a table (csv) are written beside it.",
            metavar="FILE",
        ),
    ],
    system: SystemOption = None,
    material: MaterialOption = None,
    high_tension: HighTensionOption = None,
    zone_axis: ZoneAxisOption = "0 0 1",
    convergence: Annotated[
        float | None,
        typer.Option(
            help="Convergence semi-angle; needed unless the file holds it.", metavar="MRAD"
        ),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(
            help="Scan positions in a window, along both sides or as ROWS,COLUMNS. Without it the"
            " smallest that covers a unit cell, for which the scan step must be known.",
            metavar="N",
        ),
    ] = None,
    stride: Annotated[
        str | None,
        typer.Option(
            help="Positions from one window to the next; less than the window lets them overlap.",
            metavar="N",
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            help="Part of the scan: first and last row, first and last column, the last excluded.",
            metavar="TOP,BOTTOM,LEFT,RIGHT",
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            help="Positions to use: npy with one entry for each, 0 where it is left out.",
            metavar="NPY",
        ),
    ] = None,
    step: Annotated[
        float | None,
        typer.Option(help="Distance of scan positions, unless the file holds it.", metavar="NM"),
    ] = None,
    mrad_per_pixel: Annotated[
        float | None,
        typer.Option(help="Angle per pixel where it is known; found otherwise.", metavar="MRAD"),
    ] = None,
    no_refine: NoRefineOption = False,
    samples: Annotated[
        int,
        typer.Option(
            help="Windows from which scale, rotation and centre are found.", min=1, metavar="N"
        ),
    ] = 16,
    scan_shape: Annotated[
        str | None,
        typer.Option(
            help="Scan rows and columns, for a file with one long series of frames.",
            metavar="ROWS,COLUMNS",
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Array of an HDF5 file that holds several.", metavar="NAME"),
    ] = None,
    raw_shape: Annotated[
        str | None,
        typer.Option(
            help="For a file without a header: scan rows and columns, detector rows and columns.",
            metavar="A,B,C,D",
        ),
    ] = None,
    raw_type: Annotated[
        str, typer.Option(help="Its numbers, such as uint16, >u2 or float32.", metavar="TYPE")
    ] = "uint16",
    raw_offset: Annotated[
        int, typer.Option(help="Bytes before its first pixel.", min=0, metavar="BYTES")
    ] = 0,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes on this machine; by default as many as it has cores, and one for a"
            " small map.",
            min=1,
            metavar="N",
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Compute on a Dask cluster instead: address of its scheduler.",
            metavar="ADDRESS",
        ),
    ] = None,
    local_cluster: Annotated[
        int | None,
        typer.Option(
            "--local-cluster",
            help="Compute on a Dask cluster of so many processes on this machine.",
            min=1,
            metavar="N",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a map that was stopped.")
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Map thickness and mistilt over a 4D-STEM scan.

    Example: [bold]pacbed map scan.dm4 --system sto-001-300kV --convergence 20 -o map.hspy[/bold]

    Windows of 8 x 8 positions, half overlapping, in a part of the scan:
    [bold]pacbed map scan.npy --system 3 --convergence 20 --window 8 --stride 4
    --region 0,128,0,256 -o map.npz[/bold]

    Ctrl-C stops and keeps what is done; the same command with [bold]--resume[/bold] goes on.
    """
    check_output(output, _ENDINGS)
    from pacbed.maps.options import MapOptions
    from pacbed.maps.output import check_ending
    from pacbed.maps.scan_files import open_scan

    check_ending(output)
    scan = open_scan(
        file, _raw_layout(raw_shape, raw_type, raw_offset), _pair(scan_shape, "--scan-shape"),
        dataset,
    )  # fmt: skip
    angle = convergence if convergence is not None else scan.convergence_mrad
    if angle is None:
        raise OutOfRangeError(
            f"{file}: the file does not give the convergence semi-angle: add --convergence MRAD."
        )
    options = MapOptions(
        convergence_mrad=angle,
        window=_pair(window, "--window"),
        stride=_pair(stride, "--stride"),
        region=_region(region),
        mask=None if mask is None else _read_mask(mask),
        mrad_per_pixel=mrad_per_pixel,
        refine=not no_refine,
        samples=samples,
        step_nm=step,
    )
    chosen = choose_system(system, material, high_tension, zone_axis, data)
    place = _Place(workers, scheduler, local_cluster)
    result = _run(file, scan, chosen, options, output, resume, data, place)
    if as_json:
        from pacbed.maps.output import description

        print_json({"output": str(output), **description(result)})
    else:
        print_block(str(output), _rows(result))


def _run(
    file: Path,
    scan: "Scan",
    system: "System",
    options: "MapOptions",
    output: Path,
    resume: bool,
    data: Path | None,
    place: _Place,
) -> "ThicknessMap":
    from pacbed.files import write_atomically
    from pacbed.library.register import load_bundle
    from pacbed.maps.infer_map import infer_map
    from pacbed.maps.output import save_map
    from pacbed.maps.picture import map_png
    from pacbed.maps.store import WorkFolder
    from pacbed.maps.table import map_table

    bundle = load_bundle(system, data)
    store = WorkFolder(
        output.with_name(f".{output.name}.work"), _identity(file, scan, bundle.hashes, options),
        resume,
    )  # fmt: skip
    try:
        with place.spread(scan, bundle, options) as spread, progress_bar("mapping") as bar:
            result = infer_map(
                scan, bundle, options, lambda words, share: bar.update(share, words), store, spread
            )
    except KeyboardInterrupt:
        typer.echo("pacbed: stopped; the same command with --resume goes on", err=True)
        raise typer.Exit(130) from None
    save_map(output, result)
    write_atomically(output.with_suffix(".png"), map_png(result))
    write_atomically(output.with_suffix(".csv"), map_table(result).encode())
    store.remove()
    return result


def _identity(
    file: Path, scan: "Scan", hashes: dict[str, str], options: "MapOptions"
) -> dict[str, object]:
    """What must be the same for a stopped map to be gone on with."""
    from pacbed import __version__

    found = file.stat()
    mask = None if options.mask is None else options.mask.tobytes().hex()
    return {
        "file": str(file.resolve()),
        "bytes": found.st_size,
        "changed": found.st_mtime_ns,
        "shape": list(scan.shape),
        "bundle": hashes,
        "version": __version__,
        "mask": mask,
        **options.settings(),
    }


def _rows(result: "ThicknessMap") -> list[tuple[str, str]]:
    import numpy as np

    from pacbed.maps.layers import OK, SETTLED

    good = np.isin(result.status, (OK, SETTLED)) & ~result.jump
    geometry = result.geometry
    rows = [
        ("Windows", f"{result.shape[0]} x {result.shape[1]} of "
         f"{' x '.join(map(str, result.settings['window']))} positions"),
        ("Status", ", ".join(f"{n} {name}" for name, n in result.counts().items())),
    ]  # fmt: skip
    if good.any():
        low, middle, high = np.percentile(result.thickness_nm[good], (5, 50, 95))
        rows.append(("Thickness", f"{middle:.1f} nm (5 to 95 %: {low:.1f} to {high:.1f} nm)"))
        largest = np.percentile(result.mistilt_mrad[good], 95)
        rows.append(("Mistilt", f"up to {largest:.1f} mrad (95 % of the windows)"))
    rows.append(
        ("Geometry", f"{geometry.mrad_per_pixel:.4g} mrad per pixel, "
         f"{geometry.convergence_mrad:.2f} mrad convergence, rotation "
         f"{geometry.rotation_deg:.1f} degrees")
    )  # fmt: skip
    rows += [("Warning", warning) for warning in result.warnings]
    return rows


def _pair(text: str | None, option: str) -> tuple[int, int] | None:
    if text is None:
        return None
    numbers = _integers(text, option)
    if len(numbers) not in (1, 2):
        raise OutOfRangeError(f'{option} "{text}": give one number or two, such as 8 or 8,8.')
    return numbers[0], numbers[-1]


def _region(text: str | None) -> tuple[int, int, int, int] | None:
    if text is None:
        return None
    numbers = _integers(text, "--region")
    if len(numbers) != 4:
        raise OutOfRangeError(f'--region "{text}": give four numbers: TOP,BOTTOM,LEFT,RIGHT.')
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _raw_layout(shape: str | None, dtype: str, offset: int) -> "RawLayout | None":
    if shape is None:
        return None
    from pacbed.maps.scan_files import RawLayout

    numbers = _integers(shape, "--raw-shape")
    if len(numbers) != 4:
        raise OutOfRangeError(f'--raw-shape "{shape}": give four numbers, such as 256,256,128,128.')
    return RawLayout((numbers[0], numbers[1], numbers[2], numbers[3]), dtype, offset)


def _integers(text: str, option: str) -> list[int]:
    numbers = parse_numbers(text, option)
    if any(number != int(number) for number in numbers):
        raise OutOfRangeError(f'{option} "{text}": give whole numbers.')
    return [int(number) for number in numbers]


def _read_mask(path: Path) -> "np.ndarray":
    import numpy as np

    try:
        return np.asarray(np.load(path, allow_pickle=False)).astype(bool)
    except (OSError, ValueError, EOFError) as error:
        raise FileFormatError(
            f"{path}: not a mask ({error}): save an array of scan rows and columns with numpy.save."
        ) from error
