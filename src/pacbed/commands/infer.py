"""``pacbed infer``: thickness and mistilt of measured patterns."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
from pacbed.commands.select import choose_system
from pacbed.errors import FileFormatError, OutOfRangeError, PatternError

if TYPE_CHECKING:
    from pacbed.infer.estimate import Estimate
    from pacbed.library.bundle import Bundle
    from pacbed.library.system import System
    from pacbed.readers import Measurement


def infer(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Patterns: dm3, dm4, tif, npy, mrc, emd, hspy, blo, mib, png, jpg or bmp.",
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
    mrad_per_pixel: Annotated[
        float | None,
        typer.Option(help="Angle per pixel where it is known.", metavar="MRAD"),
    ] = None,
    frame: Annotated[
        int | None, typer.Option(help="Frame of a stack or scan, from 0.", min=0, metavar="N")
    ] = None,
    as_json: JsonOption = False,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Validation picture to write; with several files, the name of each is inserted.",
            metavar="PNG",
        ),
    ] = None,
    data: DataOption = None,
) -> None:
    """Find thickness and mistilt of measured patterns.

    Example: [bold]pacbed infer pattern.dm4 --system sto-001-200kV --convergence 20[/bold]

    With the conditions in place of the system, and a picture to judge the answer by:
    [bold]pacbed infer a.tif b.tif --material "Strontium titanate" --high-tension 200
    --convergence 13.6 --report fit.png[/bold]
    """
    reports = _report_paths(files, report)
    chosen = choose_system(system, material, high_tension, zone_axis, data)
    answers = []
    for job in _run(files, chosen, convergence, mrad_per_pixel, frame, reports, data):
        if as_json:
            answers.append(_to_dict(*job))
        else:
            print_block(str(job[0].path), _rows(*job))
    if as_json:
        print_json(answers[0] if len(answers) == 1 else answers)


def _run(
    files: list[Path],
    system: "System",
    convergence_mrad: float | None,
    mrad_per_pixel: float | None,
    frame: int | None,
    reports: list[Path | None],
    data: Path | None,
) -> Iterator[tuple["Measurement", "Estimate"]]:
    """Read and infer one file after the other, and write its picture."""
    from pacbed.infer.doubts import with_doubts
    from pacbed.infer.predictor import Predictor
    from pacbed.library.register import load_bundle
    from pacbed.readers import read_pattern

    bundle = load_bundle(system, data)
    predictor = Predictor(bundle)
    for path, picture in zip(files, reports, strict=True):
        measurement = read_pattern(path, frame)
        angle = _convergence(measurement, convergence_mrad)
        try:
            estimate = predictor.infer(measurement.data, angle, mrad_per_pixel)
        except PatternError as error:
            raise PatternError(f"{path}: {error}") from error
        estimate = with_doubts(estimate, vars(measurement.metadata), system, angle)
        if picture is not None:
            _write_report(picture, measurement, estimate, bundle, angle)
        yield measurement, estimate


def _convergence(measurement: "Measurement", given: float | None) -> float:
    angle = given if given is not None else measurement.metadata.convergence_mrad
    if angle is None:
        raise OutOfRangeError(
            f"{measurement.path}: the file does not give the convergence semi-angle: "
            "add --convergence MRAD."
        )
    return angle


def _write_report(
    path: Path, measurement: "Measurement", estimate: "Estimate", bundle: "Bundle", angle: float
) -> None:
    from pacbed.infer.report import draw_report, save_report
    from pacbed.infer.report_view import crop_view, simulate_view

    view = simulate_view(crop_view(measurement.data, estimate, angle), bundle.table, estimate)
    save_report(path, draw_report(view, estimate, measurement.path.name))


def _report_paths(files: list[Path], report: Path | None) -> list[Path | None]:
    """The picture of each file, checked before anything is computed."""
    if report is None:
        return [None] * len(files)
    check_output(report, (".png",))
    if len(files) == 1:
        return [report]
    paths = [report.with_name(f"{report.stem}-{file.stem}{report.suffix}") for file in files]
    twice = [path for path, count in Counter(paths).items() if count > 1]
    if twice:
        raise FileFormatError(
            f"{twice[0]}: two of the files would have this picture: give them one at a time."
        )
    return list(paths)


def _rows(measurement: "Measurement", estimate: "Estimate") -> list[tuple[str, str]]:
    from pacbed.infer.summary import summary_rows

    rows = summary_rows(estimate)
    metadata = measurement.metadata
    stated = [
        f"{value:.4g} {unit}"
        for value, unit in (
            (metadata.high_tension_kV, "kV"),
            (metadata.convergence_mrad, "mrad convergence"),
            (metadata.mrad_per_pixel, "mrad per pixel"),
            (metadata.camera_length_mm, "mm camera length"),
        )
        if value is not None
    ]
    stated += [f"{name} {value}" for name, value in metadata.extra.items()]
    if stated:
        rows.append(("File states", ", ".join(stated)))
    rows += [("Warning", warning) for warning in estimate.warnings]
    return rows


def _to_dict(measurement: "Measurement", estimate: "Estimate") -> dict[str, Any]:
    return {
        "path": str(measurement.path),
        **estimate.to_dict(),
        "metadata": dataclasses.asdict(measurement.metadata),
    }
