"""The notebooks, run against the real service."""

import json
import os
import re

import pytest

NOTEBOOKS = ["query_service.ipynb", "compare_series.ipynb", "thickness_map.ipynb"]


def read(examples, name):
    nbformat = pytest.importorskip("nbformat")
    return nbformat.read(os.path.join(examples, name), as_version=4)


def text_of(notebook):
    """Everything that the cells have printed."""
    return "".join(
        output.text for cell in notebook.cells if cell.cell_type == "code"
        for output in cell.outputs if output.output_type == "stream"
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_run(real_service, examples, name, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("PACBED_SERVICE", real_service)
    stored = text_of(read(examples, name))
    notebook = read(examples, name)
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": examples}}
    ).execute()
    printed = text_of(notebook)
    # The numbers may differ with the shipped networks, the words may not.
    assert words(printed) >= words(stored) - {"ok", "ambiguous", "mismatch", "warning", "or"}
    pictures = [
        output for cell in notebook.cells if cell.cell_type == "code"
        for output in cell.outputs if "image/png" in output.get("data", {})
    ]  # fmt: skip
    assert len(pictures) >= 2


def words(text):
    """The first word of each line."""
    return {match.group() for match in re.finditer(r"^[A-Za-z]+", text, re.MULTILINE)}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_stored_outputs_are_small_and_of_no_particular_computer(examples, name):
    path = os.path.join(examples, name)
    assert os.path.getsize(path) < 400_000
    with open(path, encoding="utf-8") as file:
        notebook = json.load(file)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert any(cell["outputs"] for cell in code)
    for cell in code:
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            shown = json.dumps({k: v for k, v in output.items() if k != "data"})
            shown += "".join(output.get("data", {}).get("text/plain", []))
            assert not re.search(r"(?<![\w.:/])/\w+/\w|[A-Z]:\\\\", shown), shown
