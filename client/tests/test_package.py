"""What is installed: NumPy alone beside it, quick to import, for Python 3.7."""

import os
import re
import subprocess
import sys

import pytest

import pacbedclient

SOURCE = os.path.dirname(os.path.abspath(pacbedclient.__file__))
PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def python(code):
    """Run code in a fresh interpreter, and return its output."""
    environment = dict(os.environ, PYTHONPATH=os.path.dirname(SOURCE))
    return subprocess.check_output([sys.executable, "-c", code], env=environment).decode("utf-8")


def test_import_takes_little_longer_than_numpys_own():
    """Seconds of the processor, which others that work on it do not lengthen."""
    used = "; import time; print(time.process_time())"
    with_client = min(float(python("import numpy, pacbedclient" + used)) for _ in range(5))
    numpy_alone = min(float(python("import numpy" + used)) for _ in range(5))
    assert with_client - numpy_alone < 0.2


def test_nothing_but_the_standard_library_and_numpy_is_imported():
    code = (
        "import sys, numpy; before = set(sys.modules); import pacbedclient; "
        "import importlib.util as u; "
        "print('\\n'.join(str(getattr(sys.modules[name], '__file__', None)) "
        "for name in set(sys.modules) - before))"
    )
    for path in python(code).split():
        if "site-packages" in path or "dist-packages" in path:
            assert re.search(r"[/\\](numpy|pacbedclient)[/\\]", path), path


def test_numpy_is_the_only_requirement():
    with open(os.path.join(PROJECT, "pyproject.toml"), encoding="utf-8") as file:
        text = file.read()
    assert re.search(r'^dependencies = \["numpy>=1\.14"\]$', text, re.MULTILINE)
    assert re.search(r'^requires-python = ">=3\.7"$', text, re.MULTILINE)


def test_the_source_runs_on_python_3_7():
    pytest.importorskip("vermin")
    arguments = ["vermin", "-t=3.7-", "--eval-annotations", "--violations", "--no-tips", SOURCE]
    code = f"import sys; from vermin.main import main; sys.argv = {arguments!r}; main()"
    subprocess.run([sys.executable, "-c", code], check=True)
