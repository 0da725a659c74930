"""``pacbed watch``: from files to rows."""

import csv
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from pacbed.answer.table_row import COLUMNS
from pacbed.watch.results import Results
from tests.cli_tools import SYSTEM, fail, make_data_folder, make_pattern, succeed

OPTIONS = ("--system", SYSTEM.name, "--convergence", 12)
ONCE = (*OPTIONS, "--once", "--settle", 0)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, small_table):
    folder = tmp_path_factory.mktemp("watch")
    np.save(folder / "a.npy", np.maximum(make_pattern(small_table), 0))
    make_data_folder(folder / "data", small_table)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch, shared):
    """A folder that patterns arrive in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACBED_DATA", str(shared / "data"))
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def arrive(here, shared, name):
    (here / name).write_bytes((shared / "a.npy").read_bytes())


def table(here):
    with open(here / "pacbed-answers.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_what_arrived_has_a_row_each_and_none_twice(here, shared):
    arrive(here, shared, "a.npy")
    arrive(here, shared, "=b.npy")
    (here / "half.npy").write_bytes((shared / "a.npy").read_bytes()[:300])
    words = succeed("watch", here, *ONCE)
    rows = {row["file"]: row for row in table(here)}
    assert set(rows) == {"a.npy", "'=b.npy", "half.npy"}
    assert rows["half.npy"]["status"] == "failed"
    assert "half.npy" in rows["half.npy"]["problem"]
    assert float(rows["a.npy"]["thickness_nm"]) > 0
    assert re.fullmatch("[0-9a-f]{64}", rows["a.npy"]["file_sha256"])
    assert rows["a.npy"]["asked_fit"] == "true"
    assert re.search(r"^a\.npy  \w+  [\d.]+ ± [\d.]+ nm  mistilt", words, re.M)
    assert re.search(r"^half\.npy  failed: ", words, re.M)
    # Again: nothing is done twice, what is new or other is.
    arrive(here, shared, "c.npy")
    words = succeed("watch", here, *ONCE)
    assert [row["file"] for row in table(here)][3:] == ["c.npy"]
    assert "a.npy" not in words
    np.save(here / "a.npy", 2 * np.load(here / "a.npy"))
    succeed("watch", here, *ONCE)
    assert [row["file"] for row in table(here)][4:] == ["a.npy"]


@pytest.fixture
def heard_interrupt():
    """Tests that a shell runs in the background would hand on that Ctrl-C is to be ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_interrupt")
def test_ctrl_c_ends_it_with_status_0(here, shared):
    command = [sys.executable, "-c", "from pacbed.cli import main; main()", "watch", str(here)]
    options = [*map(str, OPTIONS), "--settle", "0.1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen([*command, *options], env=environment, **pipes) as process:
        arrive(here, shared, "a.npy")
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert line.startswith("a.npy  ")
    assert process.returncode == 0
    assert said.strip().endswith("1 " + table(here)[0]["status"])


def test_a_line_that_a_power_cut_left_half_spoils_no_other(here, shared):
    path = here / "pacbed-answers.csv"
    arrive(here, shared, "a.npy")
    succeed("watch", here, *ONCE)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    succeed("watch", here, *ONCE)
    assert len(path.read_bytes().splitlines()) == 3
    assert table(here)[-1]["file"] == "a.npy"
    assert table(here)[-1]["asked_fit"] == "true"


def test_another_table_is_not_written_to(here):
    (here / "pacbed-answers.csv").write_text("a,b\n1,2\n")
    assert "no table of these answers" in fail("watch", here, *ONCE)
    assert "no folder" in fail("watch", here / "none", *ONCE)


def test_two_watches_do_not_share_a_table(tmp_path):
    with (
        Results(tmp_path / "a.csv", COLUMNS),
        pytest.raises(Exception, match="another process adds to it"),
    ):
        Results(tmp_path / "a.csv", COLUMNS)


def test_the_table_is_that_of_the_page(repository):
    script = repository / "src/pacbed/service/static/session/results.js"
    text = script.read_text(encoding="utf-8")
    numbers = re.search(r"const NUMBERS = \[(.*?)\]", text, re.S).group(1)
    columns = re.search(r"const COLUMNS = \[(.*?)\];", text, re.S).group(1)
    named = re.findall(r'"(\w+)"', numbers)[2:]
    origin = re.findall(r'"(\w+)"', re.search(r"const ORIGIN = \[(.*?)\]", text).group(1))
    spread = {"...NUMBERS.slice(2)": named, "...ORIGIN": origin}
    for name in ("ASKED", "STAGE", "TILT"):
        keys = re.search(rf"const {name} = {{(.*?)}};", text, re.S).group(1)
        spread[f"...Object.keys({name})"] = re.findall(r"(\w+): ", keys)
    said = []
    for name, others in re.findall(r'"(\w+)"|(\.\.\.[\w.]+(?:\(\w+\))?)', columns):
        said += spread[others] if others else [name]
    assert said == list(COLUMNS)
