"""The notebooks, run against the real service."""

import json
import os
import re
import socket
import subprocess
import sys
import time

import pytest

from pacbedclient import Client, PacbedClientError

NOTEBOOKS = ["query_service.ipynb", "compare_series.ipynb"]


@pytest.fixture(scope="module")
def real_service(tmp_path_factory):
    """Address of the project's service, started on a free port with the shipped systems."""
    pytest.importorskip("pacbed", reason="the service is not installed beside the client")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if key != "PACBED_DATA"}
    folder = tmp_path_factory.mktemp("service")
    log = folder / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "pacbed_api:app", "--port", str(port)],
            cwd=str(folder), env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(url, process, log):
    end = time.monotonic() + 60
    while True:
        try:
            assert Client(url, timeout_s=5).systems()
            return
        except PacbedClientError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)


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


def test_the_real_service_answers_the_client(real_service, examples):
    np = pytest.importorskip("numpy")
    pattern = np.load(os.path.join(examples, "..", "..", "examples", "sto-001-300kV_42nm.npy"))
    client = Client(real_service, timeout_s=120)
    swapped = np.asfortranarray(pattern.astype(">f8"))
    plain, other = client.infer_many([pattern, swapped], 20, system="sto-001-300kV")
    assert plain.thickness_nm == pytest.approx(other.thickness_nm, abs=0.01)
    assert plain.answer["thickness"] == pytest.approx(10 * plain.thickness_nm)
    assert plain.validation is None
    by_conditions = client.infer(
        pattern, 20, material="strontium TITANATE", high_tension_kV=300, validation=True
    )
    assert by_conditions.system == "sto-001-300kV"
    assert by_conditions.validation.shape[2] == 3


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
            assert not re.search(r"(/home/|/root/|/work/|/tmp/|[A-Z]:\\\\)", shown), shown
