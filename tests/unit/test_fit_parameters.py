"""Parameters by name and as the solver's vector; one geometry of the detector for all."""

import ast
import math
from pathlib import Path

import numpy as np
import pytest

import pacbed
from pacbed.infer.fit import parameters as fit_parameters
from pacbed.infer.fit.found import Fit
from pacbed.infer.fit.known import Known
from pacbed.infer.fit.parameters import FitParameters
from pacbed.infer.shared.fit import LocalFit
from pacbed.infer.shared.geometry import SharedGeometry
from pacbed.pattern.detector_geometry import DetectorGeometry
from pacbed.pattern.geometry import pixel_to_crystal, rotation_matrix

VECTOR = np.array([31.0, 2.0, -1.0, 64.1, 61.7, math.log(0.3), 0.35, 0.004, -0.003, math.log(18)])
#: The solver's places in the vector, and where the vector is the solver's variable.
PLACES = ("THICKNESS", "TILT_X", "TILT_Y", "CENTER_X", "CENTER_Y", "LOG_SCALE", "ROTATION",
          "ELLIPSE_A", "ELLIPSE_B", "LOG_ALPHA")  # fmt: skip
_NAMES = ("parameters", "derivatives", "model", "edges", "pattern_fit", "pattern_model", "found")
INSIDE = {f"infer/fit/{name}.py" for name in _NAMES} | {"infer/spread/parts.py"}


def test_vector_and_names_say_the_same_exactly():
    named = FitParameters.from_vector(VECTOR)
    assert named.to_vector().tobytes() == VECTOR.tobytes()
    values = (named.thickness_nm, *named.tilt, named.center_x, named.center_y, named.log_scale,
              named.rotation, *named.ellipticity, named.log_alpha)  # fmt: skip
    assert values == tuple(VECTOR[getattr(fit_parameters, place)] for place in PLACES)
    assert FitParameters.from_vector(named.to_vector()) == named


def test_what_follows_from_the_parameters():
    named = FitParameters.from_vector(VECTOR)
    assert named.mrad_per_pixel == pytest.approx(0.3, rel=1e-12)
    assert named.convergence_mrad == pytest.approx(18, rel=1e-12)
    assert named.mistilt_mrad == pytest.approx(math.sqrt(5))
    again = Known().centred(named, 20.0)
    assert again.ellipticity == (0.0, 0.0)
    assert again.log_alpha == math.log(20.0)
    assert (again.thickness_nm, again.tilt) == (named.thickness_nm, named.tilt)
    measured = Known(distortion=(0.01, 0.0), log_scale=-1.0, log_alpha=2.5).centred(named, 20.0)
    assert (measured.ellipticity, measured.log_scale, measured.log_alpha) == (
        (0.01, 0.0),
        -1.0,
        2.5,
    )


def test_places_in_the_vector_are_the_solvers_alone():
    source = Path(pacbed.__file__).parent
    users = set()
    for path in source.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            imported = node.names if isinstance(node, ast.ImportFrom) else []
            if any(alias.name in PLACES for alias in imported):
                users.add(path.relative_to(source).as_posix())
    assert users <= INSIDE


def test_standard_deviations_have_names():
    covariance = np.diag([0.04, 0.01, 0.03, *[9.0] * 7])
    fit = Fit(FitParameters.from_vector(VECTOR), covariance, *[0.1] * 6, 1.0, 0.2, 1.0)
    local = LocalFit(
        31.0, VECTOR[1:3], np.zeros(2), 0.1, covariance[:3, :3], 1.0, 0.1, 0.1, 0.1, 0.1, 1.0
    )
    for found in (fit, local):
        assert found.thickness_std_nm == pytest.approx(0.2)
        assert found.tilt_std_mrad == pytest.approx(math.sqrt(0.02))


def test_scan_and_fit_lie_alike_on_the_detector():
    named = FitParameters.from_vector(VECTOR)
    shared = SharedGeometry(
        named.convergence_mrad,
        named.mrad_per_pixel,
        math.degrees(named.rotation),
        named.ellipticity,
    )
    assert shared.to_crystal == pytest.approx(named.detector.to_crystal, rel=1e-14)
    # The rotation alone, then what the distortion adds.
    plain = DetectorGeometry(0.3, 0.35)
    assert plain.to_crystal == pytest.approx(rotation_matrix(-math.degrees(0.35)) * 0.3)
    a, b = 0.004, -0.003
    distorted = DetectorGeometry(0.3, 0.35, (a, b)).to_crystal
    assert distorted == pytest.approx(plain.to_crystal @ [[1 + a, b], [b, 1 - a]])


@pytest.mark.parametrize("distortion", [(0.0, 0.0), (0.004, -0.003), (-0.02, 0.01), (0.0, 0.03)])
def test_pattern_on_a_detector_has_its_matrix(distortion):
    detector = DetectorGeometry(0.3, 0.35, distortion)
    pattern = detector.pattern(20.0, np.array([1.0, -2.0]), 18.0, np.array([63.0, 60.5]))
    assert pixel_to_crystal(pattern) == pytest.approx(detector.to_crystal, rel=1e-12)
    assert (pattern.tilt_x_mrad, pattern.tilt_y_mrad) == (1.0, -2.0)
    assert (pattern.center_column_px, pattern.center_row_px) == (63.0, 60.5)
