"""What a detector makes of a pattern: seeded, batched, in NumPy.

The same code makes the training's variety and the realistic patterns of tests
and benchmarks. Every effect has a strength in :class:`DetectorEffects`; a
distribution over them, for training, is :func:`draw_effects`.
"""

from dataclasses import dataclass, fields

import numpy as np
from scipy import fft

from pacbed.arrays import Numbers, Patterns, Singles


@dataclass(frozen=True)
class DetectorEffects:
    """Strength of each effect, one number per pattern (arrays of shape (B,)).

    Attributes
    ----------
    blur_px : ndarray
        σ of the Gaussian blur, pixels.
    tail_share, tail_px : ndarray
        Share of the intensity that a wide tail of the point spread takes, and its
        σ, pixels.
    diffuse_share, diffuse_px : ndarray
        Share of the intensity scattered into a blurred copy (phonons, plasmons)
        and its σ, pixels.
    background_share, background_px : ndarray
        Share of the intensity in a broad Gaussian around the centre and its σ.
    offset : ndarray
        Constant added, in units of the pattern's mean.
    gamma : ndarray
        Exponent of the gain curve; 1 is linear.
    dose : ndarray
        Electrons in the whole frame; infinite for no noise.
    read_noise : ndarray
        σ of the read noise, in units of the pattern's mean.
    dead_share : ndarray
        Share of dead pixels.
    cut_px : ndarray
        Pixels cut off at one edge of the frame.
    saturation : ndarray
        Level, in units of the maximum, at which the signal saturates; 1 is never.
    levels : ndarray
        Grey levels of the digitisation; 0 keeps floating point.
    """

    blur_px: Numbers
    tail_share: Numbers
    tail_px: Numbers
    diffuse_share: Numbers
    diffuse_px: Numbers
    background_share: Numbers
    background_px: Numbers
    offset: Numbers
    gamma: Numbers
    dose: Numbers
    read_noise: Numbers
    dead_share: Numbers
    cut_px: Numbers
    saturation: Numbers
    levels: Numbers


def perfect_detector(count: int, **changed: float) -> DetectorEffects:
    """Effects of a perfect detector for `count` patterns, with some of them changed."""
    values = {f.name: 0.0 for f in fields(DetectorEffects)}
    values |= {"gamma": 1.0, "dose": np.inf, "saturation": 1.0} | changed
    return DetectorEffects(**{name: np.full(count, value) for name, value in values.items()})


def draw_effects(
    count: int, aperture_px: float, dose_range: tuple[float, float], rng: np.random.Generator
) -> DetectorEffects:
    """Draw the effects of training patterns.

    Parameters
    ----------
    count : int
    aperture_px : float
        Convergence semi-angle in pixels; widths scale with it.
    dose_range : tuple of float
        Smallest and largest number of electrons (log-uniform).
    rng : Generator

    Returns
    -------
    DetectorEffects
    """

    def uniform(low: float, high: float) -> Numbers:
        return rng.uniform(low, high, count)

    def sometimes(probability: float, values: Numbers, otherwise: float = 0.0) -> Numbers:
        return np.where(rng.random(count) < probability, values, otherwise)

    return DetectorEffects(
        blur_px=uniform(0.0, 1.0) ** 2 * 0.05 * aperture_px,
        tail_share=sometimes(0.5, uniform(0.0, 0.25)),
        tail_px=uniform(0.05, 0.25) * aperture_px,
        diffuse_share=sometimes(0.8, uniform(0.0, 0.35)),
        diffuse_px=uniform(0.1, 0.6) * aperture_px,
        background_share=sometimes(0.8, uniform(0.0, 0.35)),
        background_px=uniform(0.6, 2.5) * aperture_px,
        offset=uniform(-0.05, 0.15),
        gamma=sometimes(0.5, np.exp(rng.normal(0, 0.2, count)), 1.0),
        dose=np.exp(uniform(np.log(dose_range[0]), np.log(dose_range[1]))),
        read_noise=sometimes(0.3, uniform(0.0, 0.03)),
        dead_share=sometimes(0.1, uniform(0.0, 0.003)),
        cut_px=sometimes(0.1, uniform(0.0, 0.5) * aperture_px),
        saturation=sometimes(0.1, uniform(0.85, 1.0), 1.0),
        levels=sometimes(0.4, np.full(count, 255.0)),
    )


def apply_effects(
    patterns: Patterns, effects: DetectorEffects, rng: np.random.Generator
) -> Patterns:
    """Record noiseless patterns with a detector.

    Parameters
    ----------
    patterns : ndarray, shape (B, n, n)
        Intensities; only their shape matters, not their scale.
    effects : DetectorEffects
    rng : Generator

    Returns
    -------
    ndarray of float32, shape (B, n, n)
        Signal in units of the noiseless pattern's mean (or of grey levels where
        the detector digitises).
    """
    e = effects
    n = patterns.shape[-1]
    signal = patterns / np.maximum(patterns.mean(axis=(1, 2), keepdims=True), 1e-30)
    signal = _scatter(signal.astype(np.float32), e)
    electrons = _column(e.dose) / n**2
    noise = rng.standard_normal(signal.shape, dtype=np.float32)
    sigma = np.sqrt(np.maximum(signal, 0) / electrons + _column(e.read_noise) ** 2)
    signal = signal + sigma * noise
    peak = np.maximum(np.quantile(signal[:, ::2, ::2], 0.998, axis=(1, 2)), 1e-6)[:, None, None]
    signal = np.minimum(signal, _column(e.saturation) * peak)
    curved = e.gamma != 1
    if curved.any():
        share = np.maximum(signal[curved] / peak[curved], 0)
        signal[curved] = peak[curved] * share ** _column(e.gamma[curved])
    signal = signal + _column(e.offset)
    grey = e.levels > 0
    if grey.any():
        steps = _column(e.levels[grey])
        signal[grey] = np.clip(np.round(signal[grey] / peak[grey] * steps), 0, steps)
    return _mask(signal, e, rng).astype(np.float32)


def _scatter(signal: Patterns, e: DetectorEffects) -> Patterns:
    """Blur, tails, diffuse scattering and background, all in one Fourier pass."""
    n = signal.shape[-1]
    fy, fx = np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None, :]
    square = (-2 * np.pi**2 * (fy**2 + fx**2)).astype(np.float32)[None]

    def gauss(sigma: Numbers) -> Singles:
        transfer: Singles = np.exp(square * _column(sigma) ** 2)
        return transfer

    transfer = (1 - _column(e.diffuse_share)) + _column(e.diffuse_share) * gauss(e.diffuse_px)
    transfer *= gauss(e.blur_px) * (1 - _column(e.tail_share)) + _column(e.tail_share) * gauss(
        e.tail_px
    )
    blurred = fft.irfft2(fft.rfft2(signal, workers=2) * transfer, s=(n, n), workers=2)
    axis = np.arange(n, dtype=np.float32) - (n - 1) / 2
    profile = np.exp(-(axis**2)[None] / (2 * np.maximum(_column(e.background_px)[:, 0], 1.0) ** 2))
    halo = profile[:, :, None] * profile[:, None, :]
    halo /= halo.mean(axis=(1, 2), keepdims=True)
    share = _column(e.background_share)
    return np.asarray(blurred * (1 - share) + share * halo, np.float32)


def _mask(signal: Numbers, e: DetectorEffects, rng: np.random.Generator) -> Numbers:
    n = signal.shape[-1]
    for b in np.flatnonzero(e.cut_px >= 1):
        width, side = int(e.cut_px[b]), int(rng.integers(4))
        edge = (slice(0, width), slice(n - width, n))[side % 2]
        index = (edge, slice(None)) if side < 2 else (slice(None), edge)
        signal[b][index] = signal[b].min()
    for b in np.flatnonzero(e.dead_share > 0):
        signal[b][rng.random((n, n)) < e.dead_share[b]] = 0
    return signal


def _column(values: Numbers) -> Singles:
    return np.asarray(values, np.float32)[:, None, None]
