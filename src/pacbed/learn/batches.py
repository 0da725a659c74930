"""An endless stream of training patterns that are never the same twice."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from pacbed.lacbed.table import LacbedTable
from pacbed.learn.torch_synthesis import TorchSynthesiser, make_plan
from pacbed.library.system import System
from pacbed.pattern.detector import apply_effects, draw_effects
from pacbed.pattern.preprocess import APERTURE_PX, INPUT_SIZE, ZOOM_RANGE, normalise

#: Width of a band of convergence angles that shares a plan, as a ratio.
_BAND_RATIO = 1.32
#: Every second direction is enough from this many steps per aperture on.
_STEPS_ENOUGH = 18


@dataclass(frozen=True)
class StreamOptions:
    """What the stream varies.

    Attributes
    ----------
    group : int
        Tilts and convergence angles that share a thickness when synthesised.
    renderings : int
        Frames made of each, in other orientations, sizes and positions, before the
        detector makes each of them different again.
    pool_groups : int
        Groups that are mixed before batches are drawn.
    dose : tuple of float
        Electrons in the frame, smallest and largest.
    center_px : float
        σ of the centre's error of a first pass, input pixels.
    zoom : float
        Scale errors of a first pass lie between 1/zoom and zoom.
    later_share : float
        Share of frames as a later pass sees them: turned upright, centred and
        scaled by an earlier answer, up to small errors.
    later_rotation_deg, later_azimuth_deg, later_zoom, later_center_px : float
        σ of those errors; the zoom's is logarithmic.
    ellipticity : float
        Largest ellipticity.
    """

    group: int = 32
    renderings: int = 3
    pool_groups: int = 48
    dose: tuple[float, float] = (3e4, 1e8)
    center_px: float = 2.0
    zoom: float = ZOOM_RANGE
    later_share: float = 0.75
    later_rotation_deg: float = 2.0
    later_azimuth_deg: float = 6.0
    later_zoom: float = 0.015
    later_center_px: float = 0.4
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
        Tilt (x, y) in the pattern's frame in units of the convergence semi-angle.
    log_zoom : ndarray, shape (B,)
        Logarithm of the pattern's size over the nominal one.
    center : ndarray, shape (B, 2)
        Centre (x, y) of the disk from the frame's middle, in semi-angles.
    rotation_rad : ndarray, shape (B,)
    """

    frames: np.ndarray
    convergence_mrad: np.ndarray
    thickness_nm: np.ndarray
    tilt: np.ndarray
    log_zoom: np.ndarray
    center: np.ndarray
    rotation_rad: np.ndarray


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
        self._rotation_order = rotation_order(table)
        self._bands = self._make_bands(table)

    def _make_bands(self, table: LacbedTable) -> list[tuple[float, float, TorchSynthesiser]]:
        low, high = self.system.convergence_mrad
        edges = list(
            np.geomspace(
                low, high, 1 + max(1, int(np.ceil(np.log(high / low) / np.log(_BAND_RATIO))))
            )
        )
        step = float(np.linalg.norm(table.geometry.fine_lattice_mrad, axis=1).max())
        bands = []
        for first, last in itertools.pairwise(edges):
            stride = 2 if first / (2 * step) >= _STEPS_ENOUGH else 1
            plan = make_plan(table, last, self.system.mistilt_mrad[1], stride)
            bands.append((first, last, TorchSynthesiser(table, plan)))
        return bands

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield batches of `size` patterns without end."""
        while True:
            pool = [self._group(i) for i in range(self.options.pool_groups)]
            merged = [np.concatenate(column) for column in zip(*pool, strict=True)]
            order = self.rng.permutation(len(merged[0]))
            for start in range(0, len(order) - size + 1, size):
                chosen = order[start : start + size]
                clean, *truth = (column[chosen] for column in merged)
                yield Batch(self._record(clean), *truth)

    def _record(self, clean: np.ndarray) -> np.ndarray:
        effects = draw_effects(len(clean), APERTURE_PX, self.options.dose, self.rng)
        return normalise(apply_effects(clean, effects, self.rng))

    def _group(self, number: int) -> tuple[np.ndarray, ...]:
        """Patterns of one thickness and band; thicknesses are stratified over the pool."""
        rng, count, options = self.rng, self.options.group, self.options
        low, high = self.system.thickness_nm
        thickness = low + (high - low) * (number + rng.random()) / options.pool_groups
        widths = np.array([last - first for first, last, _ in self._bands])
        first, last, source = self._bands[rng.choice(len(widths), p=widths / widths.sum())]
        alpha = rng.uniform(first, last, count)
        # Half of the tilts uniform in length, half uniform in area.
        share = rng.random(count)
        share = np.where(rng.random(count) < 0.5, share, np.sqrt(share))
        low_tilt, high_tilt = self.system.mistilt_mrad
        mistilt = low_tilt + (high_tilt - low_tilt) * share
        azimuth = rng.uniform(0, 2 * np.pi, count)
        tilt = np.stack([mistilt * np.cos(azimuth), mistilt * np.sin(azimuth)], axis=1)
        with torch.no_grad():
            native = source.native(float(thickness), _tensor(tilt), _tensor(alpha))
            parts = [self._render(source, native, tilt, alpha) for _ in range(options.renderings)]
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return (
            columns[0],
            np.tile(alpha, options.renderings).astype(np.float32),
            np.full(len(columns[0]), thickness, np.float32),
            *columns[1:],
        )

    def _render(
        self, source: TorchSynthesiser, native: torch.Tensor, tilt: np.ndarray, alpha: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Frames, tilt in them, log zoom, centre and rotation, each (group, ...)."""
        rng, count, options = self.rng, len(alpha), self.options
        later = rng.random(count) < options.later_share
        # A later pass turns the frame by the symmetry, so that the tilt points into
        # the sector around +x, up to the error that the first pass makes.
        turn = 2 * np.pi / self._rotation_order
        azimuth = np.arctan2(tilt[:, 1], tilt[:, 0])
        azimuth = azimuth + np.deg2rad(rng.normal(0, options.later_azimuth_deg, count))
        rotation = np.where(
            later,
            np.deg2rad(rng.normal(0, options.later_rotation_deg, count))
            - turn * np.round(azimuth / turn),
            rng.uniform(-np.pi, np.pi, count),
        )
        log_zoom = np.where(
            later,
            rng.normal(0, options.later_zoom, count),
            rng.uniform(-1, 1, count) * np.log(options.zoom),
        )
        center = rng.normal(0, 1, (count, 2))
        center *= np.where(later, options.later_center_px, options.center_px)[:, None]
        transform, to_crystal = _transforms(
            rotation,
            rng.uniform(0, options.ellipticity, count),
            rng.uniform(0, np.pi, count),
            alpha / (APERTURE_PX * np.exp(log_zoom)),
        )
        images = source.sample(
            native, _tensor(transform), _tensor(center), _tensor(tilt), INPUT_SIZE
        )
        in_frame = np.einsum("bji,bj->bi", to_crystal, tilt) / alpha[:, None]
        truth = (in_frame, log_zoom, center / APERTURE_PX, rotation)
        return images.clamp_(min=0).numpy(), *(v.astype(np.float32) for v in truth)


def rotation_order(table: LacbedTable) -> int:
    """Order of the projection's rotations, from its point group."""
    group = table.geometry.point_group
    return max(1, sum(1 for w in group if round(float(np.linalg.det(w))) == 1))


def _transforms(
    rotation: np.ndarray, ellipticity: np.ndarray, axis: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pixel → crystal angle (B, 2, 2) and pattern → crystal rotation (B, 2, 2)."""
    c, s = np.cos(rotation), np.sin(rotation)
    to_crystal = np.stack([np.stack([c, s], -1), np.stack([-s, c], -1)], -2)
    c, s = np.cos(axis), np.sin(axis)
    turn = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
    shrink = np.stack([1 / (1 + ellipticity), 1 / (1 - ellipticity)], -1)
    stretch = np.einsum("bij,bj,bkj->bik", turn, shrink, turn)
    return (to_crystal @ stretch) * scale[:, None, None], to_crystal


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
