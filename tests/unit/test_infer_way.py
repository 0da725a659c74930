"""The way of a pattern through ``pacbed infer``: which files run, and what is read."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pacbed.library.installed import load_bundle
from tests.label_tools import recorded_pattern

NAME = "sto-001-300kV"
#: Files of the package whose functions run between the command's start and its answer.
MOST_FILES = 87

# In a fresh interpreter, so that nothing was imported, read or kept before.
WATCHED = """
import json, os, sys, threading

import pacbed
from pacbed.cli import main

home = os.path.dirname(pacbed.__file__) + os.sep
ran, opened = set(), []

def watch(frame, event, argument):
    code = frame.f_code
    if event == "call" and code.co_filename.startswith(home) and code.co_name != "<module>":
        # A class body runs while its module is imported.
        if code.co_flags & 0x2:
            ran.add(code.co_filename[len(home):])

def audit(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        opened.append(os.fsdecode(arguments[0]))

sys.addaudithook(audit)
threading.setprofile(watch)
sys.setprofile(watch)
try:
    sys.argv = ["pacbed", *sys.argv[2:]]
    main()
finally:
    sys.setprofile(None)
    with open(WAY, "w") as file:
        json.dump({"ran": sorted(ran), "opened": opened}, file)
"""


@pytest.fixture(scope="module")
def way(tmp_path_factory):
    """What ran and what was opened, from the command to the answer."""
    folder = tmp_path_factory.mktemp("way")
    pattern = recorded_pattern(load_bundle(NAME).table, 30.0, 1.0)
    np.save(folder / "pattern.npy", pattern)
    options = ("--system", NAME, "--convergence", "20")
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            f"WAY = 'way.json'\n{WATCHED}",
            "-",
            "infer",
            "pattern.npy",
            *options,
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PACBED_DATA"},
    )
    assert result.returncode == 0, result.stderr
    assert NAME in result.stdout
    return json.loads((folder / "way.json").read_text())


def test_the_way_is_short(way):
    assert "commands/infer/command.py" in way["ran"]
    assert len(way["ran"]) <= MOST_FILES, way["ran"]


def test_each_file_of_a_model_is_read_once(way):
    home = load_bundle(NAME).folder.parent
    read = Counter(Path(name) for name in way["opened"] if Path(name).is_relative_to(home))
    assert set(read.values()) == {1}
    # Of the others nothing but what they are for.
    assert {path.name for path in read if path.parent.name != NAME} == {"bundle.json"}
    assert {path.name for path in read if path.parent.name == NAME} == {
        "bundle.json", "lacbed.npz", "locator.onnx", "reader.onnx"
    }  # fmt: skip
