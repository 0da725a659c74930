"""A 4D-STEM scan of a wedge in steps, from the patterns of each probe position.

Every window of the scan is one period of the crystal: along the columns its thickness
grows from window to window, along the rows its tilt changes.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from pacbed.scans.wedge import WedgeTruth

#: How far the tilt's azimuth turns over the scan, rad.
_TURN = 0.8


def band_tilts(bands: int, mistilt_mrad: float, generator: np.random.Generator) -> np.ndarray:
    """Tilts of the bands of the scan, as of a foil that is bent more and more.

    Parameters
    ----------
    bands : int
    mistilt_mrad : float
        Of the last one.
    generator : numpy.random.Generator
        Draws the direction of the bending.

    Returns
    -------
    ndarray, shape (bands, 2)
        x and y in mrad.
    """
    share = np.arange(1, bands + 1) / bands
    azimuth = generator.uniform(0, 2 * np.pi) + _TURN * share
    return np.asarray(
        mistilt_mrad * share[:, None] * np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)
    )


def tiled_rows(
    frames: Sequence[np.ndarray], electrons: float, generator: np.random.Generator
) -> Iterator[np.ndarray]:
    """Counts of the scan, scan row by scan row.

    Parameters
    ----------
    frames : sequence of ndarray, shape (thicknesses, n, n, pixels, pixels)
        For each tilt the share of the incident electrons in each pixel, at every position
        of one window.
    electrons : float
        Per position.
    generator : numpy.random.Generator
        Of the electrons' noise.

    Yields
    ------
    ndarray of uint16, shape (thicknesses · n, pixels, pixels)
    """
    for band in frames:
        for row in range(band.shape[1]):
            expected = band[:, row].reshape(-1, *band.shape[-2:]) * electrons
            counts = generator.poisson(np.maximum(expected, 0))
            yield np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16)


def tiled_truth(
    thicknesses_nm: np.ndarray, tilts_mrad: np.ndarray, positions: int, pixels: int
) -> WedgeTruth:
    """What the wedge is at each position.

    Parameters
    ----------
    thicknesses_nm : ndarray, shape (T,)
    tilts_mrad : ndarray, shape (B, 2)
        In the pattern's frame (x, y).
    positions : int
        Along each side of a window.
    pixels : int
        Of the patterns; the disk's centre is at pixels // 2.
    """
    shape = (len(tilts_mrad) * positions, len(thicknesses_nm) * positions)
    thickness = np.broadcast_to(np.repeat(thicknesses_nm, positions), shape)
    tilt = np.broadcast_to(np.repeat(tilts_mrad, positions, axis=0)[:, None], (*shape, 2))
    return WedgeTruth(thickness, tilt, np.full((*shape, 2), float(pixels // 2)))
