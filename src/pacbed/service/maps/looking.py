"""Looking into a map that was made: its layers, and the patterns of its windows."""

import math
from typing import Any

from pacbed.errors import UnknownSystemError
from pacbed.library.installed import match_system
from pacbed.maps.fields import IN_SCAN
from pacbed.maps.kept_windows import draw_window, load_windows
from pacbed.maps.layers import STATUS_NAMES
from pacbed.maps.output import load_map
from pacbed.service.catalogue import Catalogue
from pacbed.service.maps.jobs import RESULT, WINDOWS, JobFolder
from pacbed.service.maps.requests import result_file
from pacbed.service.maps.schemas import MapJob, MapLayers
from pacbed.service.pictures import packed_views
from pacbed.service.schemas_answer import Views

#: Layers that are shown; numbers have so many digits.
_SHOWN = (
    "thickness_nm", "thickness_std_nm", "tilt_x_mrad", "tilt_y_mrad", "tilt_std_mrad",
    "mistilt_mrad", "residual",
)  # fmt: skip
_DIGITS = 5


def map_layers(folder: JobFolder, job: MapJob) -> MapLayers:
    """Tell what a map shows, window by window.

    Raises
    ------
    HTTPException
        409 if the map is not made.
    """
    result = load_map(result_file(folder, job, RESULT))
    windows = load_windows(result_file(folder, job, WINDOWS))
    rows, columns = result.shape
    step = (1.0, 1.0)
    if result.position_nm is not None:
        row_nm, column_nm = result.position_nm
        step = (_step(row_nm), _step(column_nm))
    shown = _SHOWN if result.orientation is None else (*_SHOWN, *IN_SCAN)
    layers = {name: _numbers(getattr(result, name)) for name in shown}
    return MapLayers(
        system=result.system,
        rows=rows,
        columns=columns,
        row_step=step[0],
        column_step=step[1],
        step_unit="windows" if result.position_nm is None else "nm",
        status=[STATUS_NAMES[code] for code in result.status.ravel()],
        layers=layers | {"dark_field": _numbers(windows.dark_field)},
    )


def window_views(
    catalogue: Catalogue, folder: JobFolder, job: MapJob, row: int, column: int
) -> Views:
    """Draw the pattern of a window, and the one simulated at its answer.

    Raises
    ------
    HTTPException
        409 if the map is not made.
    PacbedError
        If there is no such window, or its system is not installed as it was any more.
    """
    windows = load_windows(result_file(folder, job, WINDOWS))
    result = load_map(result_file(folder, job, RESULT))
    system = match_system(catalogue.in_order_of_search(), result.system)
    model = catalogue.predictor(system).bundle
    of_map = result.provenance.get("bundle_sha256", {})
    if any(model.hashes.get(name) != digest for name, digest in of_map.items()):
        raise UnknownSystemError(
            f"the model of {result.system} was replaced since the map was made: make it again"
        )
    return packed_views(draw_window(windows, result, model, row, column))


def _step(places: Any) -> float:
    return float(places[1] - places[0]) if len(places) > 1 else 1.0


def _numbers(values: Any) -> list[float | None]:
    """Row by row; None where there is no number."""
    return [
        float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
        for value in values.ravel().tolist()
    ]
