"""``pacbed train --background``: it outlives its command, is watched, killed and gone on with."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from pacbed.commands.train.background import LOG, STATE, read_training
from pacbed.held_folder import hold
from pacbed.library.installed import load_bundle
from tests.cli_tools import RECIPE, fail, succeed

#: A busy machine may need this long.
PATIENCE_SECONDS = 180
#: Seconds of training, with a checkpoint after each step.
LONGER = RECIPE.replace("samples = 64", "samples = 960\ncheckpoint_seconds = 0.0")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PACBED_DATA", raising=False)
    return tmp_path


def started(recipe: str, *options: object) -> tuple[Path, str]:
    """Start a training, and return its folder and what was said."""
    Path("recipe.toml").write_text(recipe, encoding="utf-8")
    words = succeed("train", "recipe.toml", "--data", "data", "--threads", 1, "--background",
                    *options)  # fmt: skip
    return Path(words.splitlines()[0]) / "training", words


def wait_for(folder: Path, *states: str):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (known := read_training(folder)) is None or known.state not in states:
        assert time.monotonic() < deadline, (folder / LOG).read_text()
        time.sleep(0.05)
    return known


@pytest.mark.slow
def test_one_that_is_stopped_or_killed_goes_on_and_is_registered():
    folder, words = started(LONGER)
    assert "pacbed train --status --data data" in words
    for signal_name in ("SIGTERM", "SIGKILL"):
        seen = kill(folder, signal_name)
        again, _ = started(LONGER)
        assert again == folder
    assert wait_for(folder, "done", "failed").state == "done", (folder / LOG).read_text()
    assert len((folder / "training.csv").read_text().splitlines()) >= seen
    assert load_bundle("recipe-001-200kV", Path("data")).kind == "engine"
    shown = succeed("train", "--status", "--data", "data")
    assert "done; the model answers" in shown
    assert str(folder.parent) in shown


def kill(folder: Path, signal_name: str) -> int:
    """Kill a training after its next checkpoint; returns how many lines of progress it wrote."""
    begun = time.time()
    deadline = time.monotonic() + PATIENCE_SECONDS
    checkpoint = folder / "checkpoint.pt"
    while not checkpoint.exists() or checkpoint.stat().st_mtime < begun:
        assert time.monotonic() < deadline, (folder / LOG).read_text()
        time.sleep(0.02)
    process = wait_for(folder, "running").process
    # A second one beside it would spoil both.
    assert "being trained already" in fail(
        "train", "recipe.toml", "--data", "data", "--threads", 1, "--background"
    )
    assert f"kill {process}" in succeed("train", "--status", "--data", "data")
    os.kill(process, getattr(signal, signal_name))
    assert wait_for(folder, "stopped", "done").state == "stopped"
    assert "goes on with it" in succeed("train", "--status", "--data", "data")
    return len((folder / "training.csv").read_text().splitlines())


@pytest.mark.slow
def test_a_system_is_trained_by_its_name():
    Path("recipe.toml").write_text(RECIPE, encoding="utf-8")
    succeed("simulate", "recipe.toml", "--data", "data")
    words = succeed("train", "42", "--threads", 1, "--background", "--model", "of-42")
    folder = Path(words.splitlines()[0]) / "training"
    wait_for(folder, "running")
    # The system's name is as good as its number: it finds the same.
    assert "being trained already" in fail(
        "train", "recipe-001-200kV", "--threads", 1, "--background", "--model", "of-42"
    )
    assert wait_for(folder, "done", "failed").state == "done", (folder / LOG).read_text()
    # The table was there already.
    assert "simulating" not in (folder / LOG).read_text()


def test_what_cannot_be_trained_is_refused_before_it_begins():
    Path("data").mkdir()
    assert "say what to train" in fail("train", "--background")
    assert "there are: none" in fail("train", "nothing", "--data", "data")
    Path("df.csv").write_text("Path,Thickness\n", encoding="utf-8")
    assert "--background" in fail("train", "df.csv", "--background")
    Path("recipe.toml").write_text(RECIPE.replace("samples", "sampels"), encoding="utf-8")
    assert "sampels" in fail("train", "recipe.toml", "-o", "bundle", "--background")
    assert not Path("bundle").exists()
    assert "--data" in fail("train", "--status")


@pytest.mark.slow
def test_one_that_fails_says_why():
    Path("recipe.toml").write_text(RECIPE, encoding="utf-8")
    Path("broken.npz").write_bytes(b"PK\3\4")
    succeed("train", "recipe.toml", "-o", "bundle", "--background", "--table", "broken.npz")
    folder = Path("bundle/training")
    assert "broken.npz" in wait_for(folder, "failed", "done").said
    assert "failed, see the log" in succeed("train", "--status", "-o", "bundle")


def test_states_are_told_by_the_lock():
    folder = Path("bundle/training")
    assert read_training(folder) is None
    folder.mkdir(parents=True)
    (folder / STATE).write_text(json.dumps({"process": os.getpid()}))
    # The process of this number lives, but it is another one.
    assert read_training(folder).state == "stopped"
    lock = hold(folder / ".alive")
    assert read_training(folder).state == "running"
    lock.release()
    (folder / STATE).write_text("[]")
    assert read_training(folder) is None
