"""Inference in an environment that has neither torch nor abTEM nor a crystal library."""

import json
import os
import subprocess
import sys

import pytest

BLOCKED = (
    "abtem", "ai_edge_litert", "ase", "gemmi", "keras", "onnx", "onnxscript", "spglib", "torch"
)  # fmt: skip

# Runs in a fresh interpreter: what this one has imported already would hide a fault.
PRELUDE = f"""
import sys

BLOCKED = {BLOCKED!r}

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {{name!r}} (blocked)", name=name)
        return None

sys.meta_path.insert(0, Blocker())
"""

INFER = """
import json
import pacbed

bundle = pacbed.load_bundle("sto-001-300kV")
parameters = pacbed.PatternParameters(
    thickness_nm=42.0, tilt_x_mrad=2.0, tilt_y_mrad=-1.0, convergence_mrad=20.0, mrad_per_pixel=0.5
)
pattern = pacbed.synthesise(bundle.table, parameters, shape=(160, 160))
estimate = pacbed.Predictor(bundle).infer(pattern, convergence_mrad=20.0)
print(json.dumps(estimate.to_dict()))
"""

COMMAND = """
from pacbed.cli import main

sys.argv = ["pacbed", "systems"]
main()
"""


SERVE = """
from pacbed_api import app

assert {"/inference/", "/systems"} <= set(app.openapi()["paths"])
"""


@pytest.fixture
def run(tmp_path):
    """Run code under the blocker, with the shipped bundles and no data folder."""
    environment = {name: value for name, value in os.environ.items() if name != "PACBED_DATA"}

    def run(code):
        command = [sys.executable, "-c", PRELUDE + code]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment
        )

    return run


@pytest.mark.parametrize("module", BLOCKED)
def test_blocker_blocks(run, module):
    result = run(f"import {module}")
    assert result.returncode != 0
    assert "(blocked)" in result.stderr


def test_inference_needs_no_extra(run):
    result = run(INFER)
    assert result.returncode == 0, result.stderr
    estimate = json.loads(result.stdout)
    assert estimate["system"] == "sto-001-300kV"
    low, high = estimate["thickness_interval95_nm"]
    assert low <= 42.0 <= high
    assert estimate["tilt_x_mrad"] == pytest.approx(2.0, abs=1.0)
    assert estimate["tilt_y_mrad"] == pytest.approx(-1.0, abs=1.0)


def test_command_line_needs_no_extra(run):
    result = run(COMMAND)
    assert result.returncode == 0, result.stderr
    assert "sto-001-300kV" in result.stdout


def test_service_needs_no_extra(run):
    result = run(SERVE)
    assert result.returncode == 0, result.stderr
