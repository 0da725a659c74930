"""What all tests share: quiet numerics, a plot backend without a screen, the repository's root."""

import os
from pathlib import Path

# Before NumPy or torch is imported: the tests run in several processes, which
# must not each take every core.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# Some tests load ONNX Runtime before pacbed, which would switch its telemetry off.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import hypothesis  # noqa: E402
import pytest  # noqa: E402

# The same cases in every run, and no time limit on a busy machine.
hypothesis.settings.register_profile("pacbed", deadline=None, derandomize=True)
hypothesis.settings.load_profile("pacbed")


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the source tree."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def small_table():
    """A table of SrTiO3 [001] 200 kV that is simulated in seconds: 12 mrad, tilts to 3 mrad."""
    from pacbed.crystal.projection import project
    from pacbed.lacbed.build import simulate_table
    from pacbed.lacbed.options import TableOptions
    from tests.crystals import strontium_titanate

    cell = project(strontium_titanate(), (0, 0, 1))
    options = TableOptions(direction_step_mrad=0.8, thickness_step_nm=1.0, slice_angstrom=2.5)
    return simulate_table(cell, 200.0, 12.0, 3.0, 30.0, options)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """Tables of crystals go to a folder of the test, never to the user's."""
    monkeypatch.setenv("PACBED_CACHE", str(tmp_path_factory.mktemp("cache") / "pacbed"))
