"""The detector's effects, each alone."""

import numpy as np
import pytest

from pacbed.pattern.detector import apply_effects, draw_effects, perfect_detector

Y, X = np.indices((64, 64)) - 31.5
PATTERN = (np.hypot(Y, X) < 20).astype(np.float32)[None] * (1 + 0.3 * np.sin(X / 3))


def record(**effects):
    return apply_effects(PATTERN, perfect_detector(1, **effects), np.random.default_rng(3))[0]


def test_perfect_detector_changes_the_unit_only():
    assert record() == pytest.approx(PATTERN[0] / PATTERN.mean(), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(
    "effects",
    [
        {"blur_px": 2.0},
        {"tail_share": 0.2, "tail_px": 6.0},
        {"diffuse_share": 0.3, "diffuse_px": 8.0},
        {"background_share": 0.3, "background_px": 15.0},
    ],
)
def test_scattering_keeps_the_intensity(effects):
    changed = record(**effects)
    assert changed.mean() == pytest.approx(1, abs=1e-3)
    assert changed.std() < record().std()


def test_poisson_noise_follows_the_dose():
    for dose in (1e5, 1e7):
        noise = record(dose=dose) - record()
        expected = np.sqrt(np.maximum(record(), 0) / (dose / 64**2))
        bright = record() > 1
        assert noise[bright].std() == pytest.approx(
            np.sqrt((expected[bright] ** 2).mean()), rel=0.1
        )


def test_the_rest():
    assert record(offset=0.5).min() == pytest.approx(0.5, abs=1e-3)
    assert np.unique(record(levels=255.0)).size <= 256
    assert record(saturation=0.8).max() < 0.85 * record().max()
    assert (record(dead_share=0.02, offset=1.0) == 0).sum() > 20
    cut = record(cut_px=16.0, offset=1.0)
    edges = [cut[:16], cut[-16:], cut[:, :16], cut[:, -16:]]
    assert any(np.ptp(edge) == 0 for edge in edges)
    assert not np.allclose(record(gamma=0.7), record())


def test_seeded():
    effects = [draw_effects(5, 32, (1e5, 1e7), np.random.default_rng(7)) for _ in range(2)]
    images = [
        apply_effects(np.repeat(PATTERN, 5, axis=0), e, np.random.default_rng(1)) for e in effects
    ]
    assert (images[0] == images[1]).all()
    assert np.isfinite(images[0]).all()
