"""Changing the register: several processes at once, and processes killed at any point."""

import contextlib
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from pacbed.errors import BundleError, FileFormatError, UnknownSystemError
from pacbed.library.changes import register_changes
from pacbed.library.changes.register_changes import (
    add_model,
    add_system,
    change_row,
    register_lock,
    remove_system,
)
from pacbed.library.register.rows import RegisterRow, read_register, register_models

EARLIER = (
    "id;path;material;colour;composition\r\n"
    '0;data\\0;"Rutile; ""old""";red;TiO2\r\n'
    "7;D:\\x\\data\\7;Glühwein;;\r\n"
)
spawn = multiprocessing.get_context("spawn")


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def _add(data: Path, wanted: int | None = None, content: str = "x" * 1000) -> int:
    def fill(number: int, folder: Path) -> None:
        (folder / "models").mkdir()
        (folder / "crystal_file.cif").write_text(content)

    with register_lock(data):
        return add_system(
            data, wanted, frozenset({0, 1, 2, 3}), lambda n: RegisterRow(n, f"data/{n}"), fill
        )


def _add_many(data: Path, count: int) -> None:
    for _ in range(count):
        number = _add(data)
        with register_lock(data):
            add_model(data, number, data / str(number) / "models" / "first")


def _add_for_ever(data: Path) -> None:
    while True:
        number = _add(data)
        if number % 3 == 0:
            remove_system(data, number)


def test_a_number_that_is_free_is_kept_and_others_follow_the_largest(data):
    assert _add(data, 7) == 7
    assert _add(data, 7) == 8
    assert _add(data) == 9
    (data / "20").mkdir()
    assert _add(data) == 21
    assert _add(data, 5) == 5
    assert [row.id for row in read_register(data)] == [7, 8, 9, 21, 5]


def test_a_new_number_is_none_of_the_shipped_systems(data):
    assert _add(data) == 4


def test_a_removed_number_is_not_given_again(data):
    assert _add(data, 9) == 9
    remove_system(data, 9)
    assert not (data / "9").exists()
    assert not (data / ".removed").exists()
    assert read_register(data) == []
    assert _add(data, 9) == 10


def test_what_is_not_known_is_kept(data):
    (data / "Register.csv").write_bytes(EARLIER.encode("latin-1"))
    assert _add(data) == 8
    with register_lock(data):
        change_row(data, 8, RegisterRow(8, dim=128, material="Silicon"))
    text = (data / "Register.csv").read_bytes().decode("utf-8")
    lines = text.split("\r\n")
    assert lines[0].startswith("id;path;material;colour;composition;direction;thickness;")
    assert lines[1].startswith('0;data\\0;"Rutile; ""old""";red;TiO2;')
    assert lines[2].startswith("7;D:\\x\\data\\7;Glühwein;;;")
    assert lines[3].startswith("8;data/8;Silicon;")
    remove_system(data, 8)
    rutile, wine = read_register(data)
    assert rutile.material == 'Rutile; "old"'
    assert wine.id == 7


def test_a_model_is_entered_once(data):
    number = _add(data)
    folder = data / str(number) / "models" / "first"
    (data / str(number) / "models" / "Register_models.csv").write_text(
        f"id;path;note\n0;data\\{number}\\models\\zero;mine\n"
    )
    with register_lock(data):
        assert add_model(data, number, folder) == add_model(data, number, folder) == 1
    assert [model.id for model in register_models(data, number)] == [0, 1]
    text = (data / str(number) / "models" / "Register_models.csv").read_text()
    assert f"0;data\\{number}\\models\\zero;mine\n" in text


def test_a_failure_while_filling_leaves_nothing(data):
    def fill(number: int, folder: Path) -> None:
        (folder / "half").write_text("x")
        raise FileFormatError("no space")

    with register_lock(data), pytest.raises(FileFormatError, match="no space"):
        add_system(data, 7, frozenset(), RegisterRow, fill)
    assert not (data / "7").exists()
    assert read_register(data) == []


def test_nothing_outside_is_removed(data, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    number = _add(data)
    (data / str(number) / "link").symlink_to(outside, target_is_directory=True)
    remove_system(data, number)
    assert (outside / "precious").read_text() == "x"

    rows = "id;path\n1;../outside\n2;data/3\n3;data/3\n4;data/3/models\n"
    (data / "Register.csv").write_text(rows)
    (data / "3" / "models").mkdir(parents=True)
    (data / "5").symlink_to(outside, target_is_directory=True)
    for id in (1, 2, 3, 4, 5):
        with pytest.raises((BundleError, FileFormatError)):
            remove_system(data, id)
    with pytest.raises(UnknownSystemError):
        remove_system(data, 6)
    assert (data / "Register.csv").read_text() == rows
    assert (data / "3" / "models").is_dir()
    assert (outside / "precious").read_text() == "x"


def test_several_processes_register_at_once(data):
    workers = [spawn.Process(target=_add_many, args=(data, 12)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    numbers = [row.id for row in read_register(data)]
    assert sorted(numbers) == list(range(4, 40))
    assert all(len(register_models(data, number)) == 1 for number in numbers)


def test_kill_at_any_point_halves_nothing_and_blocks_nobody(data):
    seen: set[int] = set()
    for attempt in range(6):
        worker = spawn.Process(target=_add_for_ever, args=(data,))
        worker.start()
        deadline = time.monotonic() + 60
        before = len(_numbers(data))
        while len(_numbers(data)) < before + 3 and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(0.0007 * attempt)
        os.kill(worker.pid, signal.SIGKILL)
        worker.join(60)
        rows = read_register(data)
        numbers = {row.id for row in rows}
        # No row is lost but by a removal, and what a row names is whole.
        removed = {number for number in seen if number % 3 == 0}
        assert seen - removed <= numbers
        for row in rows:
            assert len((data / str(row.id) / "crystal_file.cif").read_text()) == 1000
        seen |= numbers
    started = time.monotonic()
    number = _add(data)
    assert number > max(seen)
    assert time.monotonic() - started < 10
    assert not list(data.glob(".Register.csv.*"))


def _numbers(data: Path) -> set[str]:
    return {path.name for path in data.iterdir() if path.name.isdigit()}


@pytest.mark.parametrize("point", range(1, 8))
def test_a_removal_that_is_broken_off_can_be_done_again(data, monkeypatch, point):
    number = _add(data)
    other = _add(data)
    steps = iter(range(1, 100))

    def dies(function):
        def step(*arguments, **named):
            if next(steps) == point:
                raise KeyboardInterrupt
            return function(*arguments, **named)

        return step

    monkeypatch.setattr(register_changes.CsvTable, "write", dies(register_changes.CsvTable.write))
    monkeypatch.setattr(Path, "rename", dies(Path.rename))
    monkeypatch.setattr(register_changes.shutil, "rmtree", dies(register_changes.shutil.rmtree))
    with contextlib.suppress(KeyboardInterrupt):
        remove_system(data, number)
    monkeypatch.undo()
    assert other in {row.id for row in read_register(data)}
    with contextlib.suppress(UnknownSystemError):
        remove_system(data, number)
    assert [row.id for row in read_register(data)] == [other]
    assert not (data / str(number)).exists()
    assert _add(data, number) == other + 1


def test_a_lock_that_somebody_keeps_is_told(data):
    with (
        register_lock(data),
        pytest.raises(FileFormatError, match="another process"),
        register_lock(data, seconds=0.2),
    ):
        pass
