"""The project without the packages that may be left out."""

import ast
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import pacbed
from pacbed.library.installed import load_bundle
from tests.label_tools import make_label_bundle, recorded_pattern

SHIPPED = "library/bundles"

# One interpreter does all: most of its time is the imports.
CODE = """
import importlib, io, json, pkgutil, sys
from contextlib import redirect_stdout
from pathlib import Path

import pacbed

assert Path(pacbed.__file__).is_relative_to(Path.cwd()), pacbed.__file__
names = [module.name for module in pkgutil.walk_packages(pacbed.__path__, "pacbed.")]
for name in names:
    importlib.import_module(name)

from pacbed.cli import main

def run(*arguments):
    sys.argv = ["pacbed", *arguments]
    out = io.StringIO()
    with redirect_stdout(out):
        try:
            main()
        except SystemExit as end:
            assert not end.code, end.code
    return out.getvalue()

angle = ("--convergence", "20", "--json")
print(json.dumps({
    "modules": names,
    "help": run("--help"),
    "systems": json.loads(run("systems", "--json", "--data", "data")),
    "shipped": json.loads(run("infer", "pattern.npy", "--system", "sto-001-300kV", *angle)),
    "labels": json.loads(run("infer", "pattern.npy", "-s", "51", "--data", "data", *angle)),
}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package without what may be left out, a data folder and a pattern of 30 nm."""
    folder = tmp_path_factory.mktemp("copy")
    source = os.path.dirname(pacbed.__file__)
    ignored = shutil.ignore_patterns("earlier", "bundles", "__pycache__")
    shutil.copytree(source, folder / "pacbed", ignore=ignored)
    (folder / "pacbed" / SHIPPED).symlink_to(os.path.join(source, SHIPPED))
    table = load_bundle("sto-001-300kV").table
    make_label_bundle(folder / "data", table)
    np.save(folder / "pattern.npy", recorded_pattern(table, 30.0, 1.0))
    return folder


@pytest.mark.slow
def test_without_the_earlier_system_all_else_works(copy):
    environment = {name: value for name, value in os.environ.items() if name != "PACBED_DATA"}
    result = subprocess.run(
        [sys.executable, "-c", CODE],
        check=False,
        capture_output=True,
        text=True,
        cwd=copy,
        env={**environment, "PYTHONPATH": str(copy)},
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert "pacbed.commands.infer" in found["modules"]
    assert not any("earlier" in name for name in found["modules"])
    assert "convert" not in found["help"]
    assert "pacbed reference recipes/gan.toml" in found["help"]
    kinds = {entry["id"]: entry["model"] for entry in found["systems"]}
    assert kinds == {0: "engine", 1: "engine", 2: "engine", 3: "engine", 51: "labels"}
    assert found["shipped"]["thickness_nm"] == pytest.approx(30, abs=1)
    assert found["labels"]["thickness_nm"] == pytest.approx(30, abs=10)


def test_nothing_imports_what_may_be_left_out(repository):
    for path in (repository / "src").rglob("*.py"):
        if "earlier" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [getattr(node, "module", None) or ""] + [
                alias.name for alias in getattr(node, "names", ()) if isinstance(alias, ast.alias)
            ]
            assert not any(name.startswith("pacbed.earlier") for name in names), path
