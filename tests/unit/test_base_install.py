"""What the base installation does, which has neither torch nor abTEM."""

import json
import os
import subprocess
import sys

import pytest

from pacbed.reference import ReferencePatterns

BLOCKED = (
    "abtem", "ai_edge_litert", "ase", "keras", "onnx", "onnxscript", "torch"
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

TABLE = """
from pathlib import Path

from pacbed.crystal.cif import crystal_to_cif, read_cif
from pacbed.crystal.projection import project
from pacbed.crystal.structure import Crystal, lattice_from_parameters
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.options import TableOptions
import numpy as np

iron = Crystal(
    lattice_from_parameters((2.87, 2.87, 2.87, 90, 90, 90)),
    ("Fe", "Fe"), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), np.ones(2), np.full(2, 0.35),
)
Path("iron.cif").write_text(crystal_to_cif(iron, "iron"), encoding="utf-8")
cell = project(read_cif(Path("iron.cif")), (0, 0, 1))
options = TableOptions(direction_step_mrad=1.5, thickness_step_nm=2.0)
table = simulate_table(cell, 200.0, 10.0, 2.0, 20.0, options)
assert 0.1 < table.entries(10.0).max() < 1.0
loaded = sorted({name.partition(".")[0] for name in sys.modules} & set(BLOCKED))
assert not loaded, loaded
"""

COMMAND = """
from pacbed.cli import main

sys.argv = ["pacbed", "systems"]
main()
"""

#: A recipe of the repository's, and the smallest pattern with frozen phonons.
REFERENCE = """
from pacbed.cli import main

sys.argv = [
    "pacbed", "reference", {recipe!r}, "--thickness", "1,2", "--convergence", "8",
    "--max-angle", "20", "--configurations", "1", "-o", "reference.npz",
]
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


def test_a_table_from_a_structure_needs_no_extra(run):
    result = run(TABLE)
    assert result.returncode == 0, result.stderr


def test_command_line_needs_no_extra(run):
    result = run(COMMAND)
    assert result.returncode == 0, result.stderr
    assert "sto-001-300kV" in result.stdout


def test_frozen_phonons_need_no_extra(run, tmp_path, repository):
    recipe = repository / "recipes" / "sto-001-300kV.toml"
    result = run(REFERENCE.format(recipe=str(recipe)))
    assert result.returncode == 0, result.stderr
    patterns = ReferencePatterns.load(tmp_path / "reference.npz")
    # Most of a thin crystal's electrons stay within 20 mrad.
    assert patterns.patterns.sum(axis=(1, 2)) == pytest.approx((0.98, 0.97), abs=0.03)
    assert patterns.thicknesses_nm == pytest.approx((0.976, 1.953), abs=0.01)


def test_service_needs_no_extra(run):
    result = run(SERVE)
    assert result.returncode == 0, result.stderr
