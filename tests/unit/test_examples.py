"""The example patterns say what they are, and their answers hold it."""

import csv

import numpy as np
import pytest

from pacbed import load_bundle, open_predictor


def test_every_answer_holds_the_truth(repository):
    with (repository / "examples" / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    for row in rows:
        system = row["path"].split("_")[0]
        pattern = np.load(repository / "examples" / row["path"])
        found = open_predictor(load_bundle(system)).infer(pattern, float(row["convergence_mrad"]))
        low, high = found.thickness_interval95_nm
        assert found.status == "ok", system
        assert low <= float(row["thickness_min_nm"]) <= high, system
        assert (found.tilt_x_mrad, found.tilt_y_mrad) == pytest.approx(
            (float(row["tilt_x_mrad"]), float(row["tilt_y_mrad"])), abs=0.25
        ), system
