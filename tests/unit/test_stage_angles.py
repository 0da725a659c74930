"""Angles of the stage in files: of signs, missing, and senseless."""

import numpy as np
import pytest

from pacbed.readers import read_pattern
from pacbed.readers.metadata import read_metadata
from tests.service.dm4 import dm4_bytes

PATTERN = np.arange(256, dtype=np.uint16).reshape(16, 16)


@pytest.mark.parametrize("angles", [(0.52, -1.25), (-14.0, 0.0), None])
def test_digitalmicrograph(tmp_path, angles):
    path = tmp_path / "a.dm4"
    path.write_bytes(dm4_bytes(PATTERN, stage_deg=angles))
    metadata = read_pattern(path).metadata
    found = (metadata.stage_alpha_deg, metadata.stage_beta_deg)
    assert found == (angles or (None, None))


@pytest.mark.parametrize(
    "stage",
    [
        {"tilt_alpha": 3.0},
        {"tilt_alpha": 3.0, "tilt_beta": np.nan},
        {"tilt_alpha": 3.0, "tilt_beta": 400.0},
        {"tilt_alpha": "three", "tilt_beta": 1.0},
        {"tilt_alpha": True, "tilt_beta": 1.0},
        7,
    ],
)
def test_one_alone_or_a_senseless_one_is_none(stage):
    metadata = read_metadata(
        {"metadata": {"Acquisition_instrument": {"TEM": {"Stage": stage}}}, "axes": []}
    )
    assert metadata.stage_alpha_deg is None
    assert metadata.stage_beta_deg is None
