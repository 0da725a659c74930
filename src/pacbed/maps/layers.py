"""The raw answers of windows: a few arrays by name, made block by block.

Blocks of windows know nothing of each other, wherever they are computed; put together in
their order they are the same map.
"""

from collections.abc import Iterable

import numpy as np

from pacbed.infer.shared.solve import KEPT

#: Status of a window: the code in the maps, and the word.
OK, AMBIGUOUS, MISMATCH, OUT_OF_RANGE, NO_DATA, SETTLED = range(6)
STATUS_NAMES = ("ok", "ambiguous", "mismatch", "out_of_range", "no_data", "settled")

Layers = dict[str, np.ndarray]

#: Type, shape of one window's entry and what stands where there is nothing.
_SCHEMA: dict[str, tuple[type, tuple[int, ...], float]] = {
    "status": (np.uint8, (), NO_DATA),
    "frames": (np.int32, (), 0),
    "bad_frames": (np.int32, (), 0),
    "thickness_nm": (np.float64, (KEPT,), np.nan),
    "thickness_std_nm": (np.float64, (KEPT,), np.nan),
    "tilt_mrad": (np.float64, (KEPT, 2), np.nan),
    "tilt_std_mrad": (np.float64, (KEPT,), np.nan),
    "residual": (np.float64, (KEPT,), np.nan),
    "structured_residual": (np.float64, (KEPT,), np.nan),
    "structured_share": (np.float64, (KEPT,), np.nan),
    "solution_status": (np.uint8, (KEPT,), NO_DATA),
    "probability": (np.float64, (KEPT,), 0.0),
    "shift_px": (np.float64, (2,), np.nan),
    "network_thickness_nm": (np.float64, (), np.nan),
    "network_tilt_mrad": (np.float64, (2,), np.nan),
}


def empty_layers(shape: tuple[int, ...]) -> Layers:
    """Layers of windows of which nothing is known.

    Parameters
    ----------
    shape : tuple of int
        Of the windows.
    """
    return {
        name: np.full((*shape, *entry), fill, dtype)
        for name, (dtype, entry, fill) in _SCHEMA.items()
    }


def join_layers(blocks: Iterable[Layers]) -> Layers:
    """Put blocks of rows of windows one below the other."""
    blocks = list(blocks)
    return {name: np.concatenate([block[name] for block in blocks]) for name in _SCHEMA}


def is_complete(layers: Layers) -> bool:
    """Whether these are all layers, of the types they must have."""
    return set(layers) == set(_SCHEMA) and all(
        layers[name].dtype == np.dtype(dtype) for name, (dtype, _, _) in _SCHEMA.items()
    )
