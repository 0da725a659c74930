"""A pattern and its answer, which travel with a system: whoever unpacks it sees that it works."""

import io
import json
import math
from typing import Any

import numpy as np

from pacbed.arrays import Pattern
from pacbed.bounded import parse_json
from pacbed.infer.open_predictor import AnyPredictor, open_predictor
from pacbed.lacbed.table import LacbedTable
from pacbed.library.models.kinds import Model
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

_SIZE, _ELECTRONS, _SEED = 128, 1e7, 20261127
#: What is asked, as shares of the system's ranges.
_THICKNESS, _MISTILT, _AZIMUTH_DEG = 0.4, 0.25, 35.0
_MOST_THICKNESS_NM, _MOST_MISTILT_MRAD = 40.0, 2.0
#: Between two computers answers differ by rounding alone.
SAME_NM, SAME_MRAD = 0.05, 0.02
_MOST_PIXELS = 2**20


def make_pair(model: Model) -> tuple[bytes, bytes] | None:
    """A pattern (npy) and its answer (JSON); None for a model without a table.

    Parameters
    ----------
    model : Model
    """
    table = model.table
    if table is None:
        return None
    pattern, asked = _pattern(model, table)
    estimate = open_predictor(model).infer(pattern, asked["convergence_mrad"])
    content = io.BytesIO()
    np.save(content, pattern, allow_pickle=False)
    answer = {
        **asked,
        "thickness_nm": estimate.thickness_nm,
        "mistilt_mrad": estimate.mistilt_mrad,
        "status": estimate.status,
    }
    return content.getvalue(), (json.dumps(answer, indent=1) + "\n").encode()


def _pattern(model: Model, table: LacbedTable) -> tuple[Pattern, dict[str, float]]:
    system = model.system
    low, high = system.thickness_nm
    thickness = min(low + _THICKNESS * (high - low), max(low, _MOST_THICKNESS_NM))
    mistilt = min(_MISTILT * system.mistilt_mrad[1], _MOST_MISTILT_MRAD)
    convergence = math.sqrt(system.convergence_mrad[0] * system.convergence_mrad[1])
    azimuth = math.radians(_AZIMUTH_DEG)
    parameters = PatternParameters(
        thickness_nm=thickness,
        tilt_x_mrad=mistilt * math.cos(azimuth),
        tilt_y_mrad=mistilt * math.sin(azimuth),
        convergence_mrad=convergence,
        mrad_per_pixel=2 * table.geometry.field * convergence / _SIZE,
    )
    image = np.maximum(synthesise(table, parameters, shape=(_SIZE, _SIZE)), 0.0)
    counts = np.random.default_rng(_SEED).poisson(_ELECTRONS * image / image.sum())
    truth = {"true_thickness_nm": thickness, "true_mistilt_mrad": mistilt}
    return counts.astype(np.float32), {"convergence_mrad": convergence, **truth}


def check_pair(model: Model, pattern: bytes, answer: bytes) -> AnyPredictor:
    """Ask a model for its test pattern, and hold the answer against the one that travelled.

    Returns
    -------
    AnyPredictor
        Open, for further questions.

    Raises
    ------
    ValueError
        If the answer is another one, or the pair cannot be read.
    """
    asked = parse_json(answer)
    numbers = [asked.get(name) for name in ("convergence_mrad", "thickness_nm", "mistilt_mrad")]
    if not all(isinstance(one, int | float) for one in numbers[:2]):
        raise ValueError("the test's answer has no numbers")
    predictor = open_predictor(model)
    found = predictor.infer(_read_pattern(pattern), float(numbers[0]))
    off = abs(found.thickness_nm - float(numbers[1]))
    tilt_off = (
        abs(found.mistilt_mrad - float(numbers[2]))
        if isinstance(numbers[2], int | float) and found.mistilt_mrad is not None
        else 0.0
    )
    if not (off <= SAME_NM and tilt_off <= SAME_MRAD):
        raise ValueError(
            f"its test pattern is answered with {found.thickness_nm:.2f} nm, where the sender's "
            f"program found {float(numbers[1]):.2f} nm"
        )
    return predictor


def _read_pattern(content: bytes) -> Any:
    with io.BytesIO(content) as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError("the test pattern is stored in another form")
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
        if by_columns or dtype != np.float32 or len(shape) != 2:
            raise ValueError("the test pattern is no picture in single precision")
        if not 0 < math.prod(shape) <= _MOST_PIXELS:
            raise ValueError("the test pattern is too large")
        return np.frombuffer(file.read(4 * math.prod(shape)), np.float32).reshape(shape)
