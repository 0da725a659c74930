"""The distribution: its dependencies, versions and what its wheel carries."""

import re
import tomllib
import zipfile
from importlib.metadata import entry_points

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import pacbed

HEAVY = {
    "abtem", "ai-edge-litert", "ase", "keras", "onnx", "onnxscript", "torch"
}  # fmt: skip


@pytest.fixture(scope="module")
def project(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def pins(repository):
    lines = (repository / "constraints.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(entry.name): entry.specifier for entry in requirements}


@pytest.fixture(scope="module")
def wheel(repository, tmp_path_factory):
    builder = WheelBuilder(str(repository))
    folder = tmp_path_factory.mktemp("wheel")
    (path,) = builder.build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(path) as archive:
        yield archive


def names(requirements):
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def test_base_installation_has_no_heavy_dependency(project):
    assert not names(project["dependencies"]) & HEAVY


def test_extras_build_on_each_other(project):
    extras = project["optional-dependencies"]
    assert "pacbed-cnn[sim]" in extras["train"]
    assert "pacbed-cnn[train]" in extras["keras"]
    assert "pacbed-cnn[dectris,hyperspy,keras,libertem-live,tflite,zspy]" in extras["dev"]
    assert "pacbed-cnn[libertem]" in extras["libertem-live"]


def test_every_direct_dependency_is_pinned_inside_its_range(project, pins):
    requirements = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        requirements += [text for text in extra if not text.startswith("pacbed-cnn[")]
    for requirement in map(Requirement, requirements):
        (pin,) = pins[canonicalize_name(requirement.name)]
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version), requirement


def test_versions_agree(repository):
    citation = (repository / "CITATION.cff").read_text()
    changelog = (repository / "CHANGELOG.md").read_text()
    assert f"\nversion: {pacbed.__version__}\n" in citation
    assert re.search(r"^## \[(.+?)\]", changelog, re.MULTILINE)[1] == pacbed.__version__


def test_command_is_installed():
    (command,) = entry_points(group="console_scripts", name="pacbed")
    assert callable(command.load())


def test_wheel_carries_code_bundles_and_recipes(repository, wheel):
    carried = set(wheel.namelist())
    source = repository / "src"
    expected = {
        path.relative_to(source).as_posix()
        for package in ("pacbed", "pacbed_api")
        for path in (source / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    for folder, place in (("recipes", "pacbed/library/recipes"), ("examples", "pacbed/examples")):
        expected |= {
            f"{place}/{path.relative_to(repository / folder).as_posix()}"
            for path in (repository / folder).rglob("*")
            if path.is_file()
        }
    assert "pacbed/py.typed" in expected
    assert carried >= expected
    assert {name for name in carried if ".dist-info/" not in name} == expected


def test_wheel_carries_a_bundle_for_each_recipe(wheel):
    carried = set(wheel.namelist())
    recipes = {
        name for name in carried if re.fullmatch(r"pacbed/library/recipes/[^/]+\.toml", name)
    }
    assert recipes
    for recipe in recipes:
        stem = recipe.rpartition("/")[2].removesuffix(".toml")
        for part in ("bundle.json", "locator.onnx", "reader.onnx", "lacbed.npz"):
            assert f"pacbed/library/bundles/{stem}/{part}" in carried


def test_wheel_carries_the_licence(repository, wheel):
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
    assert wheel.read(name) == (repository / "LICENSE").read_bytes()
