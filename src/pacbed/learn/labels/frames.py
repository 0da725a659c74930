"""From patterns of the table to what a network sees of them, anew each time."""

from dataclasses import dataclass

import numpy as np

from pacbed.learn.labels.labels import Labels
from pacbed.learn.labels.options import Distortion
from pacbed.pattern.detector import apply_effects, draw_effects
from pacbed.pattern.label_frame import (
    FramePreparation,
    Placement,
    finish_frames,
    sample_frame,
    scale_convergence,
    whole_image,
)
from pacbed.pattern.preprocess import locate


@dataclass(frozen=True)
class Batch:
    """Inputs of a network and their truth.

    Attributes
    ----------
    images : ndarray of float32, shape (B, size, size, channels)
        −1 … 1.
    convergence : ndarray of float32, shape (B, 1)
        0 … 1.
    labels : ndarray of int64, shape (B,)
    """

    images: np.ndarray
    convergence: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Source:
    """Patterns of a table, and how frames of them are made.

    Attributes
    ----------
    patterns : ndarray, shape (rows, n, m)
        May be mapped from a file.
    convergence_mrad : ndarray, shape (rows,)
    convergence_range : tuple of float
    labels : Labels
    preparation : FramePreparation
    distortion : Distortion
    channels : int
    """

    patterns: np.ndarray
    convergence_mrad: np.ndarray
    convergence_range: tuple[float, float]
    labels: Labels
    preparation: FramePreparation
    distortion: Distortion
    channels: int

    def batch(self, rows: np.ndarray, rng: np.random.Generator) -> Batch:
        """Frames of some rows that have a label, distorted with `rng`."""
        labels, zoom = self._zooms(rows, rng)
        where = self._placements(rows, zoom, rng)
        if self.labels.azimuth_deg is not None:
            labels = self.labels.turned(rows, np.array([place.rotation_deg for place in where]))
        size = self.preparation.size
        frames = np.stack(
            [
                sample_frame(self.patterns[row].astype(np.float32), place, size)
                for row, place in zip(rows, where, strict=True)
            ]
        )
        if self.distortion.detector:
            effects = draw_effects(len(rows), self._aperture_px(rows), self.distortion.dose, rng)
            frames = apply_effects(frames, effects, rng)
        angles = scale_convergence(self.convergence_mrad[rows], self.convergence_range)
        return Batch(finish_frames(frames, self.channels), angles, labels)

    def _zooms(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Labels as far as they do not turn with the frame, and the zoom of each frame."""
        values, of_row = self.labels.values, self.labels.of_row
        if self.labels.azimuth_deg is not None:
            of_row = np.zeros(len(self.patterns), np.int64)
        if of_row is not None:
            return of_row[rows].astype(np.int64), 1 + self.distortion.zoom * _even(rng, len(rows))
        labels = rng.integers(len(values), size=len(rows))
        step = values[1] - values[0]
        return labels, values[labels] + 0.5 * step * _even(rng, len(rows))

    def _placements(
        self, rows: np.ndarray, zoom: np.ndarray, rng: np.random.Generator
    ) -> list[Placement]:
        whole = whole_image(self.patterns.shape[1:])
        turn = rng.uniform(0, 360, len(rows)) * self.distortion.rotate
        direction = rng.uniform(0, 2 * np.pi, len(rows))
        distance = self.distortion.shift * np.sqrt(rng.random(len(rows)))
        shares = np.array([self.preparation.disk_share(a) for a in self.convergence_mrad[rows]])
        # In the frame the disk's radius is share · zoom · half the frame.
        distance *= shares * whole.half_width
        return [
            Placement(
                whole.row + d * np.sin(phi),
                whole.column + d * np.cos(phi),
                whole.half_width,
                float(z),
                float(degrees),
            )
            for d, phi, z, degrees in zip(distance, direction, zoom, turn, strict=True)
        ]

    def _aperture_px(self, rows: np.ndarray) -> float:
        angle = float(np.median(self.convergence_mrad[rows]))
        return self.preparation.disk_share(angle) * self.preparation.size / 2


def _even(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.uniform(-1, 1, count)


def measure_preparation(
    patterns: np.ndarray,
    convergence_mrad: np.ndarray,
    size: int,
    zoom_tolerance: float,
    seed: int,
    most: int = 60,
) -> FramePreparation:
    """Find how large the bright-field disk is in the table's patterns.

    Parameters
    ----------
    patterns : ndarray, shape (rows, n, m)
    convergence_mrad : ndarray, shape (rows,)
    size : int
        Pixels of a frame along one side.
    zoom_tolerance : float
    seed : int
    most : int
        Patterns that are looked at for each convergence angle.

    Returns
    -------
    FramePreparation
        With the median size for each angle of the table.
    """
    rng = np.random.default_rng([seed, 12])
    half = whole_image(patterns.shape[1:]).half_width
    angles = np.unique(convergence_mrad.round(6))
    shares = []
    for angle in angles:
        rows = np.flatnonzero(np.abs(convergence_mrad - angle) < 1e-5)
        rows = rng.permutation(rows)[:most]
        radii = [locate(patterns[row].astype(np.float32)).radius for row in rows]
        shares.append(float(np.median(radii)) / half)
    return FramePreparation(size, tuple(map(float, angles)), tuple(shares), zoom_tolerance)
