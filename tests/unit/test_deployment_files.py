"""The files for containers and conda say what the project says; neither is built here."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import pacbed

#: What conda-forge calls differently.
CONDA = {"matplotlib-base": "matplotlib", "prometheus_client": "prometheus-client"}


@pytest.fixture(scope="module")
def packaging(repository):
    return repository / "packaging"


def test_the_conda_recipe_needs_what_the_project_needs(repository, packaging):
    recipe = yaml.safe_load((packaging / "conda" / "recipe.yaml").read_text("utf-8"))
    project = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))["project"]
    assert recipe["context"]["version"] == pacbed.__version__
    wanted = {}
    for text in recipe["requirements"]["run"]:
        name, _, bound = text.partition(" ")
        wanted[canonicalize_name(CONDA.get(name, name))] = bound
    for entry in map(Requirement, project["dependencies"]):
        assert wanted[canonicalize_name(entry.name)] == str(entry.specifier), entry
    assert wanted["python"] == project["requires-python"]
    (entry_point,) = recipe["build"]["python"]["entry_points"]
    assert entry_point == f"pacbed = {project['scripts']['pacbed']}"


def test_the_service_is_reached_through_the_proxy_alone(packaging):
    services = yaml.safe_load((packaging / "compose.yaml").read_text("utf-8"))["services"]
    assert "ports" not in services["pacbed"]
    assert services["proxy"]["ports"] == ["80:80", "443:443"]
    assert "pacbed:8230" in services["proxy"]["command"]
    assert "PACBED_ALLOW_HOSTS" in services["pacbed"]["environment"]


def test_the_container_takes_the_wheel_and_runs_as_nobody_special(packaging):
    text = (packaging / "Dockerfile").read_text("utf-8")
    assert "dist/pacbed_cnn-*.whl" in text
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines.index("USER 10001") < next(n for n, one in enumerate(lines) if "CMD [" in one)
    version = re.search(r"FROM python:(\d+)\.(\d+)", text).groups()
    assert (3, 11) <= tuple(map(int, version)) <= (3, 14)


def test_the_container_s_file_has_no_known_fault(packaging):
    """By hadolint, which knows Docker's recommendations and the shell's pitfalls."""
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    asked = [hadolint, packaging / "Dockerfile"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")
