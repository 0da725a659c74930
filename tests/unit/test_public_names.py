"""The public names: short, explicit, complete, and cheap to import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pacbed
import pacbed.errors
import pacbed.maps
import pacbed.stage

PUBLIC_NAMES = [
    "Estimate",
    "Microscope",
    "PatternParameters",
    "Prediction",
    "Predictor",
    "SpecimenSpread",
    "__version__",
    "calibrate_microscope",
    "from_abtem",
    "installed_systems",
    "known_crystals",
    "load_bundle",
    "measure_spread",
    "open_crystal",
    "open_predictor",
    "predict",
    "read_microscope",
    "read_pattern",
    "square_pixels",
    "synthesise",
]


MAPS = [
    "MapOptions",
    "RawLayout",
    "Scan",
    "ScanOrientation",
    "ThicknessMap",
    "infer_map",
    "load_map",
    "map_png",
    "map_table",
    "open_scan",
    "save_map",
    "spread_over_cluster",
    "spread_over_processes",
    "view_window",
]


STAGE = [
    "Axis",
    "Guidance",
    "Hand",
    "StageCalibration",
    "StagePattern",
    "calibrate_stage",
    "guide",
    "read_stage",
    "stage_text",
    "stated_patterns",
]


def test_public_names_are_these():
    assert pacbed.__all__ == PUBLIC_NAMES
    assert pacbed.stage.__all__ == STAGE
    assert pacbed.maps.__all__ == MAPS


def test_every_error_is_public():
    classes = {n for n, value in vars(pacbed.errors).items() if isinstance(value, type)}
    assert set(pacbed.errors.__all__) == classes


def test_every_other_package_says_that_it_is_private():
    (home,) = map(Path, pacbed.__path__)
    public = {home / name / "__init__.py" for name in (".", "maps", "stage")}
    for file in set(home.rglob("__init__.py")) - public:
        assert "\n\nPrivate: " in ast.get_docstring(ast.parse(file.read_text())), file


@pytest.mark.parametrize("page", ["api", "cli", "http"])
def test_a_page_that_is_made_from_the_code_is_as_the_code(repository, page):
    command = [sys.executable, repository / "docs" / f"make_{page}.py", "--check"]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", MAPS)
def test_public_name_of_maps_is_there_and_keeps_its_name(name):
    value = getattr(pacbed.maps, name)
    assert value.__name__ == name
    assert value.__doc__


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
