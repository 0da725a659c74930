"""The public names: short, explicit, complete, and cheap to import."""

import subprocess
import sys

import pytest

import pacbed

PUBLIC_NAMES = [
    "Estimate",
    "PatternParameters",
    "Predictor",
    "__version__",
    "installed_systems",
    "load_bundle",
    "open_predictor",
    "read_pattern",
    "synthesise",
]


def test_public_names_are_these():
    assert pacbed.__all__ == PUBLIC_NAMES


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_public_name_is_there_and_keeps_its_name(name):
    value = getattr(pacbed, name)
    assert value is getattr(pacbed, name)
    if name != "__version__":
        assert value.__name__ == name
        assert value.__doc__


def test_dir_lists_public_names():
    assert set(PUBLIC_NAMES) <= set(dir(pacbed))


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'tickness'"):
        _ = pacbed.tickness


def test_import_is_cheap():
    code = "import sys, pacbed; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True
    )
    loaded = set(result.stdout.split())
    assert not loaded & {"numpy", "scipy", "onnxruntime", "rsciio", "matplotlib", "typer", "torch"}
