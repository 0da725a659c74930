"""The shipped tables against the small frozen-phonon set of tests/data/reference_set."""

import csv
from pathlib import Path

import numpy as np
import pytest

from pacbed.library.installed import load_bundle
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

SET = Path(__file__).parents[1] / "data" / "reference_set"
SYSTEMS = ("rutile-001-80kV", "sto-001-80kV", "sto-001-200kV", "sto-001-300kV")


@pytest.mark.parametrize("system", SYSTEMS)
def test_table_explains_frozen_phonon_patterns(system: str) -> None:
    with (SET / "patterns.csv").open(newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["system"] == system]
    with np.load(SET / "patterns.npz", allow_pickle=False) as archive:
        frames = archive["patterns"]
    assert len(lines) == 15
    table = load_bundle(system).table
    correlations, mirrored = [], []
    for line in lines[::3]:
        frame = frames[int(line["frame"])].astype(float)
        alpha, pixel = float(line["convergence_mrad"]), float(line["mrad_per_pixel"])
        tilt = float(line["tilt_x_mrad"]), float(line["tilt_y_mrad"])
        y, x = (np.indices(frame.shape) - (len(frame) - 1) / 2) * pixel
        inside = np.abs(np.hypot(x, y) - alpha) > pixel
        for sign, results in ((1, correlations), (-1, mirrored)):
            parameters = PatternParameters(
                float(line["thickness_nm"]), sign * tilt[0], sign * tilt[1], alpha, pixel
            )
            ours = synthesise(table, parameters, frame.shape)
            results.append(np.corrcoef(ours[inside], frame[inside])[0, 1])
    # Phonon background and noise leave 1 to 3 % of the variance.
    assert min(correlations) > 0.97
    assert np.mean(mirrored) < np.mean(correlations) - 0.01
