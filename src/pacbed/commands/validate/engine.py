"""Asking a model that was trained from a recipe about patterns made for the purpose."""

from typing import TYPE_CHECKING

import numpy as np

from pacbed.commands.progress import progress_bar

if TYPE_CHECKING:
    from pacbed.evaluate.answers import Validation
    from pacbed.library.models.bundle import Bundle

_SIZE = 128
#: Labels that answers are sorted into.
_THICKNESSES, _MISTILTS = 25, 13
_SCALES = np.arange(0.9, 1.101, 0.02)
_DOSE = (3e4, 1e8)


def validate_engine(bundle: "Bundle", count: int, refine: bool, seed: int) -> "Validation":
    """Ask a model about random patterns of its own table, recorded with a simulated detector.

    Parameters
    ----------
    bundle : Bundle
    count : int
    refine : bool
        With the fit.
    seed : int
    """
    from pacbed.evaluate.answers import TargetAnswers, Validation
    from pacbed.infer.networks.predictor import Predictor

    predictor = Predictor(bundle)
    rng = np.random.default_rng([seed, 41])
    truth, found, frames = [], [], []
    status: dict[str, int] = {}
    with progress_bar("asking", total=count) as bar:
        for number in range(count):
            frame, angle, values = _pattern(bundle, rng)
            estimate = predictor.infer(frame, angle, refine=refine)
            frames.append(frame)
            truth.append(values)
            found.append(
                (
                    estimate.thickness_nm,
                    estimate.mistilt_mrad,
                    estimate.mrad_per_pixel / values[2],
                )
            )
            status[estimate.status] = status.get(estimate.status, 0) + 1
            bar.update(number + 1)
    t, f = np.array(truth), np.array(found)
    system = bundle.system
    answers = (
        TargetAnswers(
            "Thickness", "nm", np.linspace(*system.thickness_nm, _THICKNESSES), t[:, 0], f[:, 0]
        ),
        TargetAnswers(
            "Mistilt", "mrad", np.linspace(*system.mistilt_mrad, _MISTILTS), t[:, 1], f[:, 1]
        ),
        TargetAnswers("Scale", "", _SCALES, np.ones(count), f[:, 2]),
    )
    pictures = np.array(frames)
    return Validation(
        system.name,
        f"{count} simulated patterns, {'with' if refine else 'without'} the fit",
        answers,
        {answer.target: pictures for answer in answers},
        {"refined": refine, "seed": seed, "status": status},
    )


def _pattern(
    bundle: "Bundle", rng: np.random.Generator
) -> tuple[np.ndarray, float, tuple[float, float, float]]:
    """A recorded pattern, its convergence angle, and thickness, mistilt and mrad per pixel."""
    from pacbed.pattern.detector import apply_effects, draw_effects
    from pacbed.pattern.geometry import PatternParameters
    from pacbed.pattern.synthesis import synthesise

    system = bundle.system
    angle = rng.uniform(*system.convergence_mrad)
    thickness = rng.uniform(*system.thickness_nm)
    # Evenly over the disk of tilts.
    low, high = system.mistilt_mrad
    mistilt = np.sqrt(rng.uniform(low**2, high**2))
    azimuth = rng.uniform(0, 2 * np.pi)
    radius_px = rng.uniform(24, 40)
    parameters = PatternParameters(
        thickness_nm=thickness,
        tilt_x_mrad=mistilt * np.cos(azimuth),
        tilt_y_mrad=mistilt * np.sin(azimuth),
        convergence_mrad=angle,
        mrad_per_pixel=angle / radius_px,
        rotation_deg=rng.uniform(0, 360),
        center_row_px=(_SIZE - 1) / 2 + rng.uniform(-6, 6),
        center_column_px=(_SIZE - 1) / 2 + rng.uniform(-6, 6),
    )
    pattern = synthesise(bundle.table, parameters, (_SIZE, _SIZE))[None]
    effects = draw_effects(1, radius_px, _DOSE, rng)
    frame = apply_effects(pattern, effects, rng)[0]
    return frame, angle, (thickness, mistilt, angle / radius_px)
