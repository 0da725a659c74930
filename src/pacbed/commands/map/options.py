"""The options of ``pacbed map``, and what their words mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.cluster_options import (
    LocalClusterOption,
    SchedulerOption,
    check_one,
    open_cluster,
)
from pacbed.commands.options import (
    DatasetOption,
    MicroscopeOption,
    NoRefineOption,
    PixelAspectOption,
    parse_numbers,
)
from pacbed.errors import FileFormatError, OutOfRangeError

if TYPE_CHECKING:
    import numpy as np

    from pacbed.library.models.kinds import Model
    from pacbed.maps.options import MapOptions
    from pacbed.maps.spread import Spread
    from pacbed.microscope.record import Microscope
    from pacbed.scans.files import RawLayout
    from pacbed.scans.scan import Scan

ScanFileArgument = Annotated[
    Path,
    typer.Argument(
        help="4D-STEM scan: dm4, mib, emd, h5, nxs, npy, raw, blo, hspy, zspy, seq, EMPAD (xml"
        " or raw) and others; docs/files.md lists them.",
        metavar="FILE",
    ),
]
MapFileOption = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        help="File for all maps: hspy or zspy for HyperSpy, npz for NumPy. A picture (png) and"
        " a table (csv) are written beside it.",
        metavar="FILE",
    ),
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with a map that was stopped.")]


@dataclass(frozen=True)
class ScanOptions:
    """How the scan's file is to be read; each field is an option of the command."""

    scan_shape: Annotated[
        str | None,
        typer.Option(
            help="Scan rows and columns, for a file with one long series of frames.",
            metavar="ROWS,COLUMNS",
        ),
    ] = None
    dataset: DatasetOption = None
    raw_shape: Annotated[
        str | None,
        typer.Option(
            help="For a file without a header: scan rows and columns, detector rows and columns.",
            metavar="A,B,C,D",
        ),
    ] = None
    raw_type: Annotated[
        str, typer.Option(help="Its numbers, such as uint16, >u2 or float32.", metavar="TYPE")
    ] = "uint16"
    raw_offset: Annotated[
        int, typer.Option(help="Bytes before its first pixel.", min=0, metavar="BYTES")
    ] = 0

    def open(self, file: Path) -> "Scan":
        """Open the scan."""
        from pacbed.scans.files import open_scan

        shape = _integer_pair(self.scan_shape, "--scan-shape")
        return open_scan(file, self._layout(), shape, self.dataset)

    def _layout(self) -> "RawLayout | None":
        """How a file without a header is to be read."""
        if self.raw_shape is None:
            return None
        from pacbed.scans.files import RawLayout

        numbers = _integers(self.raw_shape, "--raw-shape")
        if len(numbers) != 4:
            raise OutOfRangeError(
                f'--raw-shape "{self.raw_shape}": give four numbers, such as 256,256,128,128.'
            )
        rows, columns, height, width = numbers
        return RawLayout((rows, columns, height, width), self.raw_type, self.raw_offset)


@dataclass(frozen=True)
class WindowOptions:
    """Which windows, and what is known of them; each field is an option of the command."""

    convergence: Annotated[
        float | None,
        typer.Option(
            help="Convergence semi-angle; by default that of the file, else found from the"
            " patterns.",
            metavar="MRAD",
        ),
    ] = None
    window: Annotated[
        str | None,
        typer.Option(
            help="Scan positions in a window, along both sides or as ROWS,COLUMNS. Without it the"
            " smallest that covers a unit cell, for which the scan step must be known.",
            metavar="N",
        ),
    ] = None
    stride: Annotated[
        str | None,
        typer.Option(
            help="Positions from one window to the next; less than the window lets them overlap.",
            metavar="N",
        ),
    ] = None
    region: Annotated[
        str | None,
        typer.Option(
            help="Part of the scan: first and last row, first and last column, the last excluded.",
            metavar="TOP,BOTTOM,LEFT,RIGHT",
        ),
    ] = None
    mask: Annotated[
        Path | None,
        typer.Option(
            help="Scan positions to use: npy with one entry for each, 0 where it is left out.",
            metavar="NPY",
        ),
    ] = None
    detector_mask: Annotated[
        Path | None,
        typer.Option(
            help="Pixels of the detector that say nothing, such as its bad pixels: a file of the "
            "detector's size that is not 0 there. Dead lines, gaps and a beam stop are found "
            "without it, and the file's own list of bad pixels is read.",
            metavar="FILE",
        ),
    ] = None
    step: Annotated[
        float | None,
        typer.Option(help="Distance of scan positions, unless the file holds it.", metavar="NM"),
    ] = None
    mrad_per_pixel: Annotated[
        float | None,
        typer.Option(help="Angle per pixel where it is known; found otherwise.", metavar="MRAD"),
    ] = None
    microscope: MicroscopeOption = None
    pixel_aspect: PixelAspectOption = None
    scan_rotation: Annotated[
        float | None,
        typer.Option(
            help="Angle by which vectors of the pattern are turned, from +x to the right towards "
            "+y downwards, to be vectors of the scan; by default that of the file. Tilts are then "
            "given along the scan's axes too.",
            metavar="DEG",
        ),
    ] = None
    flip_y: Annotated[
        bool,
        typer.Option(
            "--flip-y", help="The pattern is mirrored, y to -y, before it is turned to the scan."
        ),
    ] = False
    no_refine: NoRefineOption = False
    samples: Annotated[
        int,
        typer.Option(
            help="Windows from which scale, rotation and centre are found.", min=1, metavar="N"
        ),
    ] = 16

    def map_options(self, scan: "Scan", session: "Microscope | None" = None) -> "MapOptions":
        """The same, with what the session's microscope says, else the scan, where none was given.

        Parameters
        ----------
        scan : Scan
        session : Microscope, optional
            From the option of its name, where it holds for the system.
        """
        from pacbed.maps.options import MapOptions
        from pacbed.readers.mask import read_mask

        angle, scale = self.convergence, self.mrad_per_pixel
        if session is not None:
            angle = session.convergence_mrad if angle is None else angle
            scale = session.mrad_per_pixel if scale is None else scale
        angle = scan.convergence_mrad if angle is None else angle
        return MapOptions(
            convergence_mrad=angle,
            window=_integer_pair(self.window, "--window"),
            stride=_integer_pair(self.stride, "--stride"),
            region=_region(self.region),
            mask=None if self.mask is None else _read_mask(self.mask),
            mrad_per_pixel=scale,
            refine=not self.no_refine,
            samples=self.samples,
            step_nm=self.step,
            detector_mask=None if self.detector_mask is None else read_mask(self.detector_mask),
            scan_rotation_deg=self.scan_rotation,
            flip_y=self.flip_y,
            pixel_aspect=self.pixel_aspect,
        )


@dataclass(frozen=True)
class Place:
    """Where the windows are inferred: processes here, or a cluster; each field is an option."""

    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes on this machine; by default as many as it has cores, and one for a"
            " small map.",
            min=1,
            metavar="N",
        ),
    ] = None
    scheduler: SchedulerOption = None
    local_cluster: LocalClusterOption = None

    def __post_init__(self) -> None:
        check_one(workers=self.workers, scheduler=self.scheduler, local_cluster=self.local_cluster)

    @contextmanager
    def spread(
        self, scan: "Scan", bundle: "Model", options: "MapOptions", folder: Path
    ) -> "Iterator[Spread]":
        """How blocks are computed, for as long as it is needed.

        Parameters
        ----------
        scan : Scan
        bundle : Model
        options : MapOptions
        folder : Path
            Where workers of other machines find what they share.
        """
        from pacbed.maps.cluster import spread_over_cluster
        from pacbed.maps.options import make_grid
        from pacbed.maps.processes import default_workers, spread_over_processes

        with open_cluster(self.scheduler, self.local_cluster) as client:
            if client is not None:
                yield spread_over_cluster(client, folder if self.scheduler else None)
                return
            rows, columns = make_grid(scan, bundle, options)[0].shape
            yield spread_over_processes(self.workers or default_workers(rows * columns))


def _integer_pair(text: str | None, option: str) -> tuple[int, int] | None:
    """One number or two, as rows and columns."""
    if text is None:
        return None
    numbers = _integers(text, option)
    if len(numbers) not in (1, 2):
        raise OutOfRangeError(f'{option} "{text}": give one number or two, such as 8 or 8,8.')
    return numbers[0], numbers[-1]


def _region(text: str | None) -> tuple[int, int, int, int] | None:
    """First and last row, first and last column."""
    if text is None:
        return None
    numbers = _integers(text, "--region")
    if len(numbers) != 4:
        raise OutOfRangeError(f'--region "{text}": give four numbers: TOP,BOTTOM,LEFT,RIGHT.')
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _integers(text: str, option: str) -> list[int]:
    numbers = parse_numbers(text, option)
    if any(number != int(number) for number in numbers):
        raise OutOfRangeError(f'{option} "{text}": give whole numbers.')
    return [int(number) for number in numbers]


def _read_mask(path: Path) -> "np.ndarray":
    """Positions to use, from a file of NumPy."""
    import numpy as np

    try:
        return np.asarray(np.load(path, allow_pickle=False)).astype(bool)
    except (OSError, ValueError, EOFError) as error:
        raise FileFormatError(
            f"{path}: not a mask ({error}): save an array of scan rows and columns with numpy.save."
        ) from error
