"""``pacbed map``: thickness and mistilt over a 4D-STEM scan."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pacbed.commands.declared import declared
from pacbed.commands.map.options import (
    MapFileOption,
    Place,
    ResumeOption,
    ScanFileArgument,
    ScanOptions,
    WindowOptions,
)
from pacbed.commands.options import (
    DataOption,
    HighTensionOption,
    JsonOption,
    MaterialOption,
    SystemOption,
    ZoneAxisOption,
    check_output,
)
from pacbed.commands.output import print_block, print_json
from pacbed.commands.progress import progress_bar
from pacbed.commands.select import choose_model

if TYPE_CHECKING:
    from pacbed.library.models.kinds import Model
    from pacbed.maps.options import MapOptions
    from pacbed.maps.thickness_map import ThicknessMap
    from pacbed.microscope.record import Microscope
    from pacbed.scans.scan import Scan

#: Endings of the file that is written; see ``pacbed.maps.output``.
_ENDINGS = (".npz", ".hspy", ".zspy")


@declared
def map_scan(
    *,
    file: ScanFileArgument,
    output: MapFileOption,
    system: SystemOption = None,
    material: MaterialOption = None,
    high_tension: HighTensionOption = None,
    zone_axis: ZoneAxisOption = "0 0 1",
    windows: WindowOptions,
    reading: ScanOptions,
    place: Place,
    resume: ResumeOption = False,
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
    from pacbed.library.models.kinds import with_table
    from pacbed.maps.output import check_ending

    check_ending(output)
    scan = reading.open(file)
    bundle = with_table(choose_model(system, material, high_tension, zone_axis, data))
    session = _session(windows.microscope, bundle)
    options = windows.map_options(scan, session)
    result = _run(file, scan, bundle, options, output, resume, place)
    _print(output, result, as_json)
    if session is not None:
        found = result.geometry
        for doubt in session.contradictions(found.convergence_mrad, found.mrad_per_pixel):
            warnings.warn(doubt, stacklevel=1)


def _session(file: Path | None, bundle: "Model") -> "Microscope | None":
    """The microscope of the option, where it holds for the system's high tension."""
    from pacbed.microscope.file import read_microscope

    if file is None:
        return None
    session = read_microscope(file)
    if session.is_at(bundle.system.high_tension_kV):
        return session
    warnings.warn(session.other_high_tension(bundle.system.high_tension_kV), stacklevel=1)
    return None


def _run(
    file: Path,
    scan: "Scan",
    bundle: "Model",
    options: "MapOptions",
    output: Path,
    resume: bool,
    place: Place,
) -> "ThicknessMap":
    from pacbed.files import write_atomically
    from pacbed.maps.mapping import infer_map
    from pacbed.maps.output import save_map
    from pacbed.maps.picture import map_png
    from pacbed.maps.store import WorkFolder
    from pacbed.maps.table import map_table

    store = WorkFolder(
        output.with_name(f".{output.name}.work"), _identity(file, scan, bundle.hashes, options),
        resume,
    )  # fmt: skip
    try:
        with (
            place.spread(scan, bundle, options, store.folder) as spread,
            progress_bar("mapping") as bar,
        ):
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
    from pacbed.version import __version__

    found = file.stat()
    masks = (options.mask, options.detector_mask)
    return {
        "file": str(file.resolve()),
        "bytes": found.st_size,
        "changed": found.st_mtime_ns,
        "shape": list(scan.shape),
        "bundle": hashes,
        "version": __version__,
        "masks": [None if mask is None else mask.tobytes().hex() for mask in masks],
        **options.settings(),
    }


def _print(output: Path, result: "ThicknessMap", as_json: bool) -> None:
    from pacbed.maps.output import description

    if as_json:
        print_json({"output": str(output), **description(result)})
    else:
        print_block(str(output), _rows(result))


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
    if result.orientation is not None:
        mirrored = "mirrored (y to -y), then " if result.orientation.flip_y else ""
        turned = f"{mirrored}turned by {result.orientation.rotation_deg:g} degrees"
        rows.append(("Scan axes", f"the pattern's vectors {turned}"))
    rows += [("Warning", warning) for warning in result.warnings]
    return rows
