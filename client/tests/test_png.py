"""The PNG decoder against Pillow: colour types, depths, filters, interlacing, damage."""

import io
import itertools
import struct
import zlib

import numpy as np
import pytest

from pacbedclient import AnswerError
from pacbedclient.png import decode_rgb
from standin_service import PICTURE, png

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
FORMS = [(colour, depth) for colour in sorted(DEPTHS) for depth in DEPTHS[colour]]
ADAM7 = [
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4),
    (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1),
]  # fmt: skip


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def encode(samples, colour, depth, choose_filter, interlaced=False, palette=None):
    """A plain encoder, as literal as the specification, for what Pillow does not write."""
    height, width = samples.shape[:2]
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    stream = b""
    for row, column, row_step, column_step in passes:
        part = samples[row::row_step, column::column_step]
        if part.size:
            stream += filtered(packed_rows(part, depth), colour, depth, choose_filter)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    body = chunk(b"IHDR", header)
    if palette is not None:
        body += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    packed = zlib.compress(stream)
    # In two pieces, since a stream may be cut anywhere.
    body += chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", packed[:5]) + chunk(b"IDAT", packed[5:])
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def packed_rows(samples, depth):
    rows = []
    for row in samples:
        if depth == 16:
            rows.append(row.astype(">u2").tobytes())
        elif depth == 8:
            rows.append(row.astype(np.uint8).tobytes())
        else:
            bits = "".join(format(int(value), f"0{depth}b") for value in row.ravel())
            bits += "0" * (-len(bits) % 8)
            rows.append(bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)))
    return rows


def filtered(rows, colour, depth, choose_filter):
    step = max(1, CHANNELS[colour] * depth // 8)
    above = bytes(len(rows[0]))
    stream = b""
    for number, row in enumerate(rows):
        kind = choose_filter(number)
        line = bytearray([kind])
        for i, value in enumerate(row):
            a = row[i - step] if i >= step else 0
            b = above[i]
            c = above[i - step] if i >= step else 0
            line.append((value - predicted(kind, a, b, c)) & 255)
        stream += bytes(line)
        above = row
    return stream


def predicted(kind, a, b, c):
    if kind < 4:
        return (0, a, b, (a + b) // 2)[kind]
    distances = [abs(b - c), abs(a - c), abs(a + b - 2 * c)]
    return (a, b, c)[distances.index(min(distances))]


def samples_of(colour, depth, height, width, seed=0):
    random = np.random.RandomState(seed)
    return random.randint(0, 1 << depth, (height, width, CHANNELS[colour]))


def truth(samples, colour, depth, palette):
    if colour == 3:
        return palette[samples[:, :, 0]]
    if depth == 16:
        samples = samples >> 8
    elif depth < 8:
        samples = samples * (255 // ((1 << depth) - 1))
    return samples[:, :, :3] if CHANNELS[colour] >= 3 else np.repeat(samples[:, :, :1], 3, axis=2)


@pytest.mark.parametrize(
    ("form", "interlaced"), list(itertools.product(FORMS, [False, True])), ids=repr
)
@pytest.mark.parametrize("choose_filter", [0, 1, 2, 3, 4, "all"])
def test_every_form_with_every_filter(form, interlaced, choose_filter):
    colour, depth = form
    samples = samples_of(colour, depth, 11, 13)
    palette = np.random.RandomState(1).randint(0, 256, (1 << depth, 3)) if colour == 3 else None
    chooser = (lambda row: row % 5) if choose_filter == "all" else (lambda row: choose_filter)
    data = encode(samples, colour, depth, chooser, interlaced, palette)
    decoded = decode_rgb(data)
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, truth(samples, colour, depth, palette))
    if not (colour in (0, 4) and depth == 16):  # which Pillow brings to RGB in other ways
        image = pytest.importorskip("PIL.Image")
        with image.open(io.BytesIO(data)) as opened:
            assert np.array_equal(decoded, np.asarray(opened.convert("RGB")))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (3, 2), (9, 5), (2, 200), (200, 2)])
@pytest.mark.parametrize("interlaced", [False, True])
def test_small_and_narrow_pictures(size, interlaced):
    samples = samples_of(2, 8, size[0], size[1])
    data = encode(samples, 2, 8, lambda row: (row + 4) % 5, interlaced)
    assert np.array_equal(decode_rgb(data), samples)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_pictures_that_pillow_writes(mode):
    image = pytest.importorskip("PIL.Image")
    rows, columns = np.mgrid[:120, :170]
    smooth = np.stack([rows + columns, 2 * rows, 3 * columns, 255 - rows], axis=2) % 256
    picture = image.fromarray(smooth[:, :, :3].astype(np.uint8)).convert(mode)
    if mode in ("LA", "RGBA"):
        picture.putalpha(image.fromarray(smooth[:, :, 3].astype(np.uint8)))
    for optimize in (False, True):
        file = io.BytesIO()
        picture.save(file, "PNG", optimize=optimize)
        assert np.array_equal(decode_rgb(file.getvalue()), np.asarray(picture.convert("RGB")))


GOOD = png(PICTURE)


def with_header(**changes):
    fields = {"width": 10, "height": 6, "depth": 8, "colour": 2}
    fields.update({"compression": 0, "filtering": 0, "interlaced": 0})
    fields.update(changes)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *fields.values()))
    return GOOD[:8] + header + GOOD[8 + 25 :]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a PNG"),
        (b"GIF89a" + GOOD, "not a PNG"),
        (GOOD[:20], "cut off|damaged"),
        (GOOD[:-12], "cut off"),
        (GOOD[:60] + b"!" + GOOD[61:], "damaged"),
        (with_header(colour=5), "unknown form"),
        (with_header(depth=4), "unknown form"),
        (with_header(interlaced=2), "unknown form"),
        (with_header(width=0), "unknown form"),
        (with_header(height=7), "cut off"),
        (with_header(width=10**9, height=10**9), "too large"),
        (with_header(colour=3), "palette"),
        (GOOD[:8] + GOOD[8 + 25 :], "header"),
        (encode(samples_of(0, 8, 3, 3), 0, 8, lambda row: 3).replace(b"IHDR", b"IHDX"), "damaged"),
    ],
)
def test_damage_is_found(data, words):
    with pytest.raises(AnswerError, match=words):
        decode_rgb(data)


def test_every_cut_is_found():
    for length in range(len(GOOD)):
        with pytest.raises(AnswerError):
            decode_rgb(GOOD[:length])


def test_a_stream_that_swells_is_not_unpacked_further_than_needed():
    header = struct.pack(">IIBBBBB", 10, 6, 8, 2, 0, 0, 0)
    bomb = zlib.compress(bytes(10**7))
    data = GOOD[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", bomb) + chunk(b"IEND", b"")
    assert decode_rgb(data).shape == (6, 10, 3)


def test_colours_outside_the_palette_and_unknown_filters():
    palette = np.zeros((2, 3))
    data = encode(np.full((2, 2, 1), 3), 3, 4, lambda row: 0, palette=palette)
    with pytest.raises(AnswerError, match="palette"):
        decode_rgb(data)
    stream = zlib.compress(b"\x07" + bytes(30))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 10, 1, 8, 2, 0, 0, 0))
    with pytest.raises(AnswerError, match="unknown filter"):
        decode_rgb(GOOD[:8] + header + chunk(b"IDAT", stream) + chunk(b"IEND", b""))
