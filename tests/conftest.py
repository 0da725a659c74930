"""What all tests share: quiet numerics, a plot backend without a screen, the repository's root."""

import gc
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

# Before NumPy or torch is imported: the tests run in several processes, which
# must not each take every core.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# Services measure no error bars in the background of tests, but where one asks for it.
os.environ["PACBED_CALIBRATION_MINUTES"] = "0"
# Some tests load ONNX Runtime before pacbed, which would switch its telemetry off.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import hypothesis  # noqa: E402
import pytest  # noqa: E402

# The same cases in every run, and no time limit on a busy machine.
hypothesis.settings.register_profile("pacbed", deadline=None, derandomize=True)
hypothesis.settings.load_profile("pacbed")


def pytest_make_parametrize_id(val, argname):
    """A long value is no name: whole it would be in the environment, whose size has a limit."""
    if isinstance(val, str | bytes) and len(val) > 200:
        return f"{argname}-of-{len(val)}"
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """With ``--dist loadgroup`` what the tests of a file share is made once, in one worker.

    Else each worker would make it anew. Long tests come early, so that no worker has one at the
    end while the others have nothing left to do. First of all, because pytest-xdist reads the
    groups in the same hook.
    """
    for item in items:
        shared = item._fixtureinfo.name2fixturedefs.values()
        in_file = any(one.scope in ("module", "class") for found in shared for one in found)
        if in_file and item.get_closest_marker("xdist_group") is None:
            file = item.path.relative_to(config.rootpath).as_posix()
            item.add_marker(pytest.mark.xdist_group(file))
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish():
    """What all the modules brought stays: a collection of garbage need not go through it each time.

    Readers collect where a file is damaged, which takes seconds beside torch and HyperSpy.
    """
    gc.collect()
    gc.freeze()


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


@pytest.fixture(scope="session")
def _caches(tmp_path_factory) -> Iterator[Path]:
    """A new folder for each test, which is there when something is written to it.

    That pytest makes one takes it longer with every one that is there.
    """
    home = tmp_path_factory.mktemp("caches")
    return (home / str(number) / "pacbed" for number in count())


@pytest.fixture(autouse=True)
def _own_cache(_caches, monkeypatch):
    """Tables of crystals go to a folder of the test, never to the user's."""
    monkeypatch.setenv("PACBED_CACHE", str(next(_caches)))
