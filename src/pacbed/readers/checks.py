"""Shape, type and size of an array before it may be a pattern."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pacbed.errors import FileFormatError, PatternError

#: Largest number of pixels of one pattern; more is a mistake or an attack.
MAX_PIXELS = 8192**2

#: Which frame of a file: its number, the sum of all, or the only one.
Frame = int | Literal["sum"] | None
#: The size of an EMPAD's frames with the two rows that are no pixels, and without.
EMPAD_STORED, EMPAD_ROWS = (130, 128), 128
#: Frames that are summed at once hold at most so many values.
_SUMMED_VALUES = 2**23
#: A frame of which more is no number than this share is no record.
_LOST = 0.5

#: Share of the full range by which the channels of a grey pixel may differ:
#: JPEG compression of a grey picture leaves some rounding in its colours.
_GREY_TOLERANCE = 0.04
#: Share of the pixels that may differ by more, for example a coloured mark.
_COLOURED_PIXELS = 0.001


def check_pixels(rows: int, columns: int, path: Path) -> None:
    """Refuse a frame without pixels or with more than ``MAX_PIXELS``.

    Raises
    ------
    PatternError
        If the frame is empty or too large.
    """
    if rows <= 0 or columns <= 0:
        raise PatternError(
            f"{path}: the array is empty (shape {rows} x {columns}): export the pattern again."
        )
    if rows * columns > MAX_PIXELS:
        raise PatternError(
            f"{path}: {rows} x {columns} pixels are more than the 8192 x 8192 that can be read: "
            "bin or crop the pattern."
        )


def check_type(dtype: np.dtype[Any], path: Path) -> None:
    """Refuse arrays that are not real numbers.

    Raises
    ------
    PatternError
        If the type is complex, text or anything else that is no intensity.
    """
    if dtype.kind == "c":
        raise PatternError(
            f"{path}: the array is complex ({dtype}), not an intensity: save its squared modulus."
        )
    if dtype.kind not in "buif":
        raise PatternError(
            f"{path}: the array holds {dtype}, not numbers: save integers or real numbers."
        )


def take_frame(array: Any, path: Path, frame: Frame) -> NDArray[np.float32]:
    """Take one frame of an array, or the sum of all, and return it as float32 pattern.

    Parameters
    ----------
    array : array_like
        NumPy, memory-mapped or dask array; the last two axes are row and column.
        Only the frame that is asked for is loaded, or pieces of a bounded size.
    path : Path
        File, for the messages.
    frame : int, "sum" or None
        Number of the frame, counted from 0 along the leading axes in C order; may
        be None where there is one frame only.

    Returns
    -------
    ndarray
        Float32 array of shape (rows, columns).

    Raises
    ------
    PatternError
        If the array is no pattern, or no frame was chosen from several.
    """
    shape = tuple(int(size) for size in array.shape)
    check_type(array.dtype, path)
    if len(shape) < 2:
        raise PatternError(
            f"{path}: an array of shape {shape} is no pattern: give a 2-D image [row, column]."
        )
    check_pixels(shape[-2], shape[-1], path)
    # Values beyond float32 become infinite here and are judged with all others later.
    with np.errstate(over="ignore"):
        if frame == "sum" and count_frames(shape) > 1:
            taken = _sum_frames(array, shape)
        else:
            index = _frame_index(shape, path, None if frame == "sum" else frame)
            taken = np.asarray(array[index])
        if taken.shape == EMPAD_STORED and array.dtype.kind == "f":
            taken = taken[:EMPAD_ROWS]
        return np.ascontiguousarray(taken, dtype=np.float32)


def _sum_frames(array: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The sum of all frames, read piece by piece along the first axis."""
    total = np.zeros(shape[-2:])
    several = max(1, _SUMMED_VALUES * shape[0] // max(1, int(np.prod(shape, dtype=np.int64))))
    for first in range(0, shape[0], several):
        part = array[first : first + several]
        if hasattr(part, "compute"):
            # One chunk after the other: the memory stays that of one.
            part = part.compute(scheduler="synchronous")
        total += _whole_frames(np.asarray(part).reshape(-1, *shape[-2:])).sum(
            axis=0, dtype=np.float64
        )
    return total


def _whole_frames(frames: NDArray[Any]) -> NDArray[Any]:
    """Those of which half of the pixels are numbers: one lost frame spoils no sum."""
    if frames.dtype.kind != "f":
        return frames
    lost = (~np.isfinite(frames)).mean(axis=(1, 2)) > _LOST
    return frames[~lost] if lost.any() else frames


def count_frames(shape: tuple[int, ...]) -> int:
    """Frames of an array whose last two axes are row and column."""
    return int(np.prod(shape[:-2], dtype=np.int64))


def reason(error: Exception) -> str:
    """What an error says, on one line of bounded length."""
    return " ".join(str(error).split())[:160] or type(error).__name__


def not_readable(path: Path, reason: str) -> FileFormatError:
    """What is said of a file in which a parser met something else than it expected."""
    return FileFormatError(
        f"{path}: not a readable {path.suffix.lower()[1:]} file, or cut short "
        f"({reason}): copy or export it again."
    )


def choose_frame(path: Path, frame: int | None, frames: int, holds: str, kind: str) -> int:
    """The frame that was asked for, or the only one; the words are for those who must choose."""
    last = frames - 1
    if frame is None and frames > 1:
        raise PatternError(
            f"{path}: {holds}: choose one with --frame N (0 to {last}), or "
            f"their sum with --frame sum."
        )
    number = frame or 0
    if not 0 <= number < frames:
        raise PatternError(
            f"{path}: there is no frame {number} in {kind}: use --frame 0 to {last}."
        )
    return number


def _frame_index(shape: tuple[int, ...], path: Path, frame: int | None) -> tuple[int, ...]:
    leading = shape[:-2]
    frames = count_frames(shape)
    if frames == 0:
        raise PatternError(
            f"{path}: the array of shape {shape} is empty, or cut short: export it again."
        )
    kind = f"an array of shape {shape}"
    held = f"the array of shape {shape} holds {frames} frames"
    number = choose_frame(path, frame, frames, held, kind)
    return tuple(int(i) for i in np.unravel_index(number, leading)) if leading else ()


def grey_from_channels(channels: NDArray[Any], path: Path) -> NDArray[np.float32]:
    """Turn a grey picture stored as RGB or RGBA into one plane.

    Parameters
    ----------
    channels : ndarray
        Array of shape (rows, columns, 3 or 4); a fourth channel is opacity and
        is dropped.
    path : Path
        File, for the messages.

    Returns
    -------
    ndarray
        Float32 array of shape (rows, columns), in the unit of the channels.

    Raises
    ------
    PatternError
        If the picture is coloured: a colour map cannot be undone reliably.
    """
    colours = channels[..., :3].astype(np.float32)
    full = float(np.iinfo(channels.dtype).max) if channels.dtype.kind == "u" else colours.max()
    spread = colours.max(axis=-1) - colours.min(axis=-1)
    if np.count_nonzero(spread > _GREY_TOLERANCE * full) > _COLOURED_PIXELS * spread.size:
        raise PatternError(
            f"{path}: this is a colour picture, and colours are not intensities: "
            "export the pattern in greys or as data (dm4, tif, npy)."
        )
    # The median channel: of equal channels each of them, and exact for integers.
    return np.ascontiguousarray(np.median(colours, axis=-1), dtype=np.float32)
