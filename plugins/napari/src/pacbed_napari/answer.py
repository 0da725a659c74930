"""From an image layer to an answer, and from an answer to what is shown of it."""

from functools import lru_cache
from typing import Any

import numpy as np
import pacbed
from numpy.typing import ArrayLike, NDArray
from pacbed.answer.words import summary_rows
from pacbed.errors import PatternError

from pacbed_napari.reader import Layer

_NAME = "PACBED"


def pattern_of(data: ArrayLike, rgb: bool = False) -> NDArray[np.floating[Any]]:
    """The position-averaged pattern of a layer.

    Parameters
    ----------
    data : array_like, shape (..., rows, columns)
        Averaged over all but the last two axes.
    rgb : bool
        Whether the last axis holds colours.

    Raises
    ------
    PatternError
        If it is no image of numbers.
    """
    pattern = np.asarray(data)
    if rgb or pattern.ndim < 2 or pattern.dtype.kind not in "fiu":
        raise PatternError("the layer is no image of real numbers: choose a diffraction pattern.")
    averaged: NDArray[np.floating[Any]] = pattern.reshape(-1, *pattern.shape[-2:]).mean(
        axis=0, dtype=np.float64
    )
    return averaged


def infer(
    pattern: NDArray[np.floating[Any]],
    system: str,
    convergence_mrad: float | None,
    mrad_per_pixel: float | None,
) -> pacbed.Estimate:
    """Infer with an installed system; what is None is found from the pattern."""
    estimate: pacbed.Estimate = _predictor(system).infer(pattern, convergence_mrad, mrad_per_pixel)
    return estimate


def words(estimate: pacbed.Estimate) -> str:
    """The answer in lines for people, warnings last."""
    lines = [f"{label}: {value}" if label else value for label, value in summary_rows(estimate)]
    return "\n".join([*lines, *(f"Warning: {warning}" for warning in estimate.warnings)])


def shapes(estimate: pacbed.Estimate, asked_mrad: float | None, like: dict[str, Any]) -> Layer:
    """The bright-field disk, and the line from its centre to the zone axis, as a layer.

    Parameters
    ----------
    estimate : Estimate
    asked_mrad : float or None
        Convergence semi-angle, for answers that do not have one.
    like : dict
        Scale and place of the image's layer.
    """
    center = np.array([estimate.center_row_px, estimate.center_column_px])
    drawn, kinds = [], []
    angle = estimate.convergence_mrad or asked_mrad
    if angle is not None:
        radius = angle / estimate.mrad_per_pixel
        corners = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
        drawn.append(center + radius * corners)
        kinds.append("ellipse")
    if estimate.tilt_x_mrad is not None and estimate.tilt_y_mrad is not None:
        tilt = np.array([estimate.tilt_y_mrad, estimate.tilt_x_mrad])
        drawn.append(np.array([center, center + tilt / estimate.mrad_per_pixel]))
        kinds.append("line")
    shown = {
        "name": f"{_NAME} {estimate.thickness_nm:.1f} nm ({estimate.status})",
        "shape_type": kinds,
        "face_color": "transparent",
        "edge_color": "orange",
        "metadata": {"pacbed": estimate.to_dict()},
        **like,
    }
    return drawn, shown, "shapes"


@lru_cache(maxsize=2)
def _predictor(system: str) -> Any:
    return pacbed.open_predictor(pacbed.load_bundle(system))
