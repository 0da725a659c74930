"""PNG → RGB array, with zlib and NumPy alone (PNG specification, third edition)."""

import struct
import zlib
from typing import Any, List, NamedTuple, Tuple

import numpy as np

from pacbedclient.errors import AnswerError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Bytes of pixels that are unpacked at most: no picture of the service is nearly as large.
_MAX_BYTES = 1 << 28
#: Samples per pixel and allowed bits per sample of each colour type.
_COLOUR_TYPES = {
    0: (1, (1, 2, 4, 8, 16)),  # grey
    2: (3, (8, 16)),  # RGB
    3: (1, (1, 2, 4, 8)),  # palette
    4: (2, (8, 16)),  # grey and alpha
    6: (4, (8, 16)),  # RGB and alpha
}
#: First row, first column, row step and column step of each pass of Adam7.
_ADAM7 = (
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4),
    (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1),
)  # fmt: skip


class _Header(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int
    interlaced: int

    @property
    def channels(self) -> int:
        return _COLOUR_TYPES[self.colour][0]

    def row_bytes(self, width: int) -> int:
        return (width * self.channels * self.depth + 7) // 8


def decode_rgb(data: bytes) -> Any:
    """Decode a PNG picture of any colour type, bit depth, filter and interlacing.

    Transparency is left out; of 16 bits the upper 8 are kept.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    numpy.ndarray
        uint8, shape (height, width, 3).

    Raises
    ------
    AnswerError
        Not a PNG file, or a damaged one.
    """
    header, palette, packed = _chunks(data)
    passes = _ADAM7 if header.interlaced else ((0, 0, 1, 1),)
    areas = []
    for row, column, row_step, column_step in passes:
        height = len(range(row, header.height, row_step))
        width = len(range(column, header.width, column_step))
        if height and width:
            areas.append(
                (slice(row, None, row_step), slice(column, None, column_step), height, width)
            )
    stream = _unpack(packed, sum(area[2] * (1 + header.row_bytes(area[3])) for area in areas))
    samples = np.empty((header.height, header.width, header.channels), np.uint8)
    start = 0
    for rows, columns, height, width in areas:
        stop = start + height * (1 + header.row_bytes(width))
        lines = stream[start:stop].reshape(height, -1)
        samples[rows, columns] = _samples(_unfilter(lines, header), header, width)
        start = stop
    return _rgb(samples, header, palette)


def _chunks(data: bytes) -> Tuple[_Header, Any, bytes]:
    """Return the header, the palette (or None) and the compressed pixels."""
    if data[:8] != _SIGNATURE:
        raise AnswerError("the picture is not a PNG file")
    header, palette = None, None
    packed: List[bytes] = []
    position = 8
    kind = b""
    while kind != b"IEND":
        if position + 12 > len(data):
            raise AnswerError("the PNG picture is cut off")
        length, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        checksum = data[position + 8 + length : position + 12 + length]
        if len(checksum) < 4 or zlib.crc32(kind + body) != struct.unpack(">I", checksum)[0]:
            raise AnswerError("the PNG picture is damaged")
        if kind == b"IHDR":
            header = _header(body)
        elif kind == b"PLTE":
            palette = np.frombuffer(body[: length // 3 * 3], np.uint8).reshape(-1, 3)
        elif kind == b"IDAT":
            packed.append(body)
        position += 12 + length
    if header is None or (header.colour == 3 and palette is None):
        raise AnswerError("the PNG picture lacks its header or palette")
    return header, palette, b"".join(packed)


def _header(body: bytes) -> _Header:
    if len(body) != 13:
        raise AnswerError("the PNG picture has a damaged header")
    width, height, depth, colour, compression, filtering, interlaced = struct.unpack(
        ">IIBBBBB", body
    )
    known = colour in _COLOUR_TYPES and depth in _COLOUR_TYPES[colour][1]
    if not known or compression or filtering or interlaced > 1 or not width or not height:
        raise AnswerError("the PNG picture has an unknown form")
    header = _Header(width, height, depth, colour, interlaced)
    if (header.row_bytes(width) + 1) * height > _MAX_BYTES:
        raise AnswerError(f"the PNG picture is too large: {width} x {height} pixels")
    return header


def _unpack(packed: bytes, size: int) -> Any:
    """Inflate exactly ``size`` bytes, however many the stream could give."""
    try:
        stream = zlib.decompressobj().decompress(packed, size)
    except zlib.error as error:
        raise AnswerError(f"the PNG picture is damaged: {error}") from None
    if len(stream) < size:
        raise AnswerError("the PNG picture is cut off")
    return np.frombuffer(stream, np.uint8)


def _unfilter(lines: Any, header: _Header) -> Any:
    """Undo the filters: bytes of the rows, shape (height, bytes in a row)."""
    filters, filtered = lines[:, 0], lines[:, 1:]
    if filters.max() > 4:
        raise AnswerError("the PNG picture is damaged: unknown filter")
    step = max(1, header.channels * header.depth // 8)
    pixels = filtered.reshape(len(lines), -1, step)
    undo = _by_diagonals if filters.max() > 2 else _by_rows
    return undo(filters, pixels).reshape(filtered.shape)


def _by_rows(filters: Any, pixels: Any) -> Any:
    """Undo the filters 0 (none), 1 (left neighbour) and 2 (upper neighbour)."""
    out = np.empty_like(pixels)
    above = np.zeros_like(pixels[0])
    for row, kind in enumerate(filters):
        if kind == 1:
            out[row] = np.cumsum(pixels[row], axis=0, dtype=np.uint8)
        else:
            out[row] = pixels[row] + above if kind == 2 else pixels[row]
        above = out[row]
    return out


def _by_diagonals(filters: Any, pixels: Any) -> Any:
    """Undo all filters.

    The filters 3 and 4 need the left and the upper neighbour, so that neither a row
    nor a column can be done at once. Pixels on an anti-diagonal do not depend on each
    other: one step for each diagonal instead of one for each pixel.
    """
    height, width, step = pixels.shape
    out = np.empty_like(pixels)
    kinds = filters.astype(np.int16)[:, np.newaxis]
    # Diagonals before this one, indexed by row + 1. A row that has not begun is zero
    # in them, as the neighbours outside the picture are.
    last, last_but_one, current = (np.zeros((height + 1, step), np.int16) for _ in range(3))
    for diagonal in range(width + height - 1):
        first, end = max(0, diagonal - width + 1), min(height, diagonal + 1)
        rows = np.arange(first, end)
        left, up, corner = last[first + 1 : end + 1], last[first:end], last_but_one[first:end]
        kind = kinds[first:end]
        to_left, to_up = np.abs(up - corner), np.abs(left - corner)
        to_corner = np.abs(left + up - 2 * corner)
        paeth = np.where(
            (to_left <= to_up) & (to_left <= to_corner),
            left,
            np.where(to_up <= to_corner, up, corner),
        )
        predicted = np.where(kind == 4, paeth, (left + up) >> 1)
        predicted = np.where(kind == 2, up, predicted)
        predicted = np.where(kind == 1, left, predicted) * (kind > 0)
        values = (pixels[rows, diagonal - rows] + predicted) & 255
        out[rows, diagonal - rows] = values
        current[first + 1 : end + 1] = values
        last, last_but_one, current = current, last, last_but_one
    return out


def _samples(rows: Any, header: _Header, width: int) -> Any:
    """Return the samples as bytes, shape (height, width, channels)."""
    height = len(rows)
    if header.depth == 16:
        rows = rows[:, ::2]
    elif header.depth < 8:
        # 8 // depth samples in each byte, the first in the upper bits.
        shifts = np.arange(8 - header.depth, -1, -header.depth, dtype=np.uint8)
        samples = (rows[:, :, np.newaxis] >> shifts) & np.uint8((1 << header.depth) - 1)
        rows = samples.reshape(height, -1)[:, :width]
    return rows.reshape(height, width, header.channels)


def _rgb(samples: Any, header: _Header, palette: Any) -> Any:
    """Bring samples of any colour type to RGB."""
    if header.colour == 3:
        if samples.max() >= len(palette):
            raise AnswerError("the PNG picture uses colours that are not in its palette")
        return palette[samples[:, :, 0]]
    if header.channels >= 3:
        return np.ascontiguousarray(samples[:, :, :3])
    full = (1 << min(header.depth, 8)) - 1
    return np.repeat(samples[:, :, :1] * np.uint8(255 // full), 3, axis=2)
