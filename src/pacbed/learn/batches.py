"""An endless stream of training patterns that are never the same twice."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from pacbed.lacbed.table import LacbedTable
from pacbed.learn.series_synthesis import SeriesSynthesiser
from pacbed.library.system import System
from pacbed.pattern.detector import apply_effects, draw_effects
from pacbed.pattern.grid import direction_stride
from pacbed.pattern.plan import make_plan
from pacbed.pattern.preprocess import APERTURE_PX, INPUT_SIZE, ZOOM_RANGE, normalise

#: Width of a band of convergence angles that shares a plan, as a ratio.
_BAND_RATIO = 1.32
#: Frames interpolated at once.
_CHUNK = 128


@dataclass(frozen=True)
class StreamOptions:
    """What the stream varies.

    Attributes
    ----------
    tilts : int
        Tilts and convergence angles that are synthesised together.
    series : int
        Thicknesses of each, spread over the whole range.
    thin_emphasis : float
        How much denser the thicknesses lie at the thin end, 0 (evenly) to 1: the
        density there is (1 + e) / (1 − e) times that at the thick end. A thin crystal's
        pattern changes little with tilt, and needs more examples to be told by.
    pool_groups : int
        Groups of `tilts` × `series` that are mixed before batches are drawn.
    dose : tuple of float
        Electrons in the frame, smallest and largest.
    fine_share : float
        Share of frames that are located well, as on a second pass.
    center_px, fine_center_px : float
        σ of the disk's centre, input pixels: as first located, and on a second pass.
    zoom : tuple of float
        Size of the pattern over the nominal one as first located, smallest and largest:
        bright disks beside it make the bright-field disk look larger than it is.
    fine_zoom : float
        σ of the logarithm of the size on a second pass.
    ellipticity : float
        Largest ellipticity.
    """

    tilts: int = 48
    series: int = 32
    thin_emphasis: float = 0.5
    pool_groups: int = 8
    dose: tuple[float, float] = (3e4, 1e8)
    fine_share: float = 0.5
    center_px: float = 4.5
    fine_center_px: float = 0.5
    zoom: tuple[float, float] = ZOOM_RANGE
    fine_zoom: float = 0.01
    ellipticity: float = 0.015


@dataclass(frozen=True)
class Batch:
    """Network inputs and their truth.

    Attributes
    ----------
    frames : ndarray of float32, shape (B, n, n)
        Normalised.
    convergence_mrad, thickness_nm : ndarray, shape (B,)
    tilt : ndarray, shape (B, 2)
        Tilt (x, y) in the crystal's frame, mrad.
    rotation_rad : ndarray, shape (B,)
    log_zoom : ndarray, shape (B,)
        Logarithm of the pattern's size over the nominal one.
    center : ndarray, shape (B, 2)
        Centre (x, y) of the disk from the frame's middle, pixels.
    """

    frames: np.ndarray
    convergence_mrad: np.ndarray
    thickness_nm: np.ndarray
    tilt: np.ndarray
    rotation_rad: np.ndarray
    log_zoom: np.ndarray
    center: np.ndarray


class PatternStream:
    """Synthesises, mixes and records patterns over the whole range of a system.

    Parameters
    ----------
    table : LacbedTable
    system : System
        Gives the ranges.
    options : StreamOptions
    seed : int
    """

    def __init__(
        self, table: LacbedTable, system: System, options: StreamOptions, seed: int
    ) -> None:
        self.system = system
        self.options = options
        self.rng = np.random.default_rng(seed)
        self._bands = self._make_bands(table)

    def _make_bands(self, table: LacbedTable) -> list[tuple[float, float, SeriesSynthesiser]]:
        low, high = self.system.convergence_mrad
        count = max(1, int(np.ceil(np.log(high / low) / np.log(_BAND_RATIO))))
        edges = np.geomspace(low, high, count + 1)
        bands = []
        for first, last in itertools.pairwise(edges):
            stride = direction_stride(table.geometry, first)
            plan = make_plan(table, last, self.system.mistilt_mrad[1], stride)
            bands.append((first, last, SeriesSynthesiser(table, plan)))
        return bands

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield batches of `size` patterns without end."""
        while True:
            pool = [self._group() for _ in range(self.options.pool_groups)]
            merged = [np.concatenate(column) for column in zip(*pool, strict=True)]
            del pool
            order = self.rng.permutation(len(merged[0]))
            for start in range(0, len(order) - size + 1, size):
                chosen = order[start : start + size]
                clean, *truth = (column[chosen] for column in merged)
                yield Batch(self._record(clean), *truth)

    def _record(self, clean: np.ndarray) -> np.ndarray:
        effects = draw_effects(len(clean), APERTURE_PX, self.options.dose, self.rng)
        return normalise(apply_effects(clean, effects, self.rng))

    def _group(self) -> tuple[np.ndarray, ...]:
        """Thickness series of many tilts in one band of convergence angles."""
        rng, options = self.rng, self.options
        widths = np.array([last - first for first, last, _ in self._bands])
        first, last, source = self._bands[rng.choice(len(widths), p=widths / widths.sum())]
        alpha = rng.uniform(first, last, options.tilts)
        tilt = self._tilts(options.tilts)
        low, high = self.system.thickness_nm
        # Stratified, so that every series covers the whole range.
        step = np.arange(options.series) + rng.random((options.tilts, options.series))
        share = step / options.series
        share = share * (1 - options.thin_emphasis * (1 - share))
        thickness = low + (high - low) * share
        with torch.no_grad():
            native = source.native(thickness, _tensor(tilt), _tensor(alpha))
            return self._render(
                source,
                native,
                thickness.ravel(),
                np.repeat(tilt, options.series, axis=0),
                np.repeat(alpha, options.series),
            )

    def _tilts(self, count: int) -> np.ndarray:
        """Half of the tilts uniform in length, half uniform in area, mrad."""
        share = self.rng.random(count)
        share = np.where(self.rng.random(count) < 0.5, share, np.sqrt(share))
        low, high = self.system.mistilt_mrad
        azimuth = self.rng.uniform(0, 2 * np.pi, count)
        direction = np.stack([np.cos(azimuth), np.sin(azimuth)], axis=1)
        return np.asarray((low + (high - low) * share)[:, None] * direction)

    def _render(
        self,
        source: SeriesSynthesiser,
        native: torch.Tensor,
        thickness: np.ndarray,
        tilt: np.ndarray,
        alpha: np.ndarray,
    ) -> tuple[np.ndarray, ...]:
        """Frames and their truth, in the order of :class:`Batch`."""
        rng, count, options = self.rng, len(alpha), self.options
        rotation = rng.uniform(-np.pi, np.pi, count)
        fine = rng.random(count) < options.fine_share
        log_zoom = np.where(
            fine,
            rng.normal(0, options.fine_zoom, count),
            rng.uniform(np.log(options.zoom[0]), np.log(options.zoom[1]), count),
        )
        center = rng.normal(0, 1, (count, 2))
        center *= np.where(fine, options.fine_center_px, options.center_px)[:, None]
        transform = _transforms(
            rotation,
            rng.uniform(0, options.ellipticity, count),
            rng.uniform(0, np.pi, count),
            alpha / (APERTURE_PX * np.exp(log_zoom)),
        )
        images = np.empty((count, INPUT_SIZE, INPUT_SIZE), np.float32)
        for start in range(0, count, _CHUNK):
            part = slice(start, start + _CHUNK)
            images[part] = source.sample(
                native[part],
                _tensor(transform[part]),
                _tensor(center[part]),
                _tensor(tilt[part]),
                INPUT_SIZE,
            ).clamp_(min=0)
        truth = (alpha, thickness, tilt, rotation, log_zoom, center)
        return images, *(np.ascontiguousarray(v, np.float32) for v in truth)


def _transforms(
    rotation: np.ndarray, ellipticity: np.ndarray, axis: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Pixel → crystal angle, shape (B, 2, 2)."""
    c, s = np.cos(rotation), np.sin(rotation)
    to_crystal = np.stack([np.stack([c, s], -1), np.stack([-s, c], -1)], -2)
    c, s = np.cos(axis), np.sin(axis)
    turn = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
    shrink = np.stack([1 / (1 + ellipticity), 1 / (1 - ellipticity)], -1)
    stretch = np.einsum("bij,bj,bkj->bik", turn, shrink, turn)
    return np.asarray((to_crystal @ stretch) * scale[:, None, None])


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
