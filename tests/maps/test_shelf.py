"""Blocks of patterns in a folder: each made once, a wrong one never used."""

import shutil
import threading
import time

import numpy as np
import pytest

from pacbed.infer.shared import shelf
from pacbed.infer.shared.blocks import BlockMaker, block_of
from pacbed.infer.shared.dictionary import PatternDictionary
from pacbed.infer.shared.shelf import Shelf

KEY, OTHER = b"k" * 32, b"o" * 32
SHAPE = (9, 5, 2)
BLOCK = (-1, 2)
VALUES = np.random.default_rng(3).random(SHAPE).astype(np.float32)


def make(block):
    return VALUES


def never(block):
    raise AssertionError("it is made again")


def laid(tmp_path, key=KEY):
    """Folder and file of a block that has been laid down."""
    assert np.array_equal(Shelf(tmp_path, key, SHAPE).take(BLOCK, make), VALUES)
    return tmp_path / key.hex() / "-1_2.npz"


def test_steps_lie_in_blocks():
    assert block_of((0, 0)) == ((0, 0), 0)
    assert block_of((-1, 5)) == ((-1, 1), 8)


def test_it_is_made_once_and_read_by_the_others(tmp_path):
    made, found = [], []

    def slowly(block):
        made.append(block)
        time.sleep(0.2)
        return VALUES

    def worker():
        found.append(Shelf(tmp_path, KEY, SHAPE).take(BLOCK, slowly))

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [BLOCK]
    assert all(np.array_equal(values, VALUES) for values in found)
    read = Shelf(tmp_path, KEY, SHAPE).take(BLOCK, never)
    assert not read.flags.writeable


def test_nobody_waits_who_can_begin_with_another(tmp_path):
    one = Shelf(tmp_path, KEY, SHAPE)
    seen = []

    def meanwhile(block):
        seen.append(Shelf(tmp_path, KEY, SHAPE).take(BLOCK, never, wait=False))
        return VALUES

    one.take(BLOCK, meanwhile)
    assert seen == [None]


@pytest.mark.parametrize("wrong", ["of another dictionary", "cut", "changed", "of another shape"])
def test_a_wrong_one_is_not_used(tmp_path, wrong):
    file = laid(tmp_path)
    if wrong == "of another dictionary":
        shutil.copy(laid(tmp_path, OTHER), file)
    elif wrong == "of another shape":
        np.savez(file, key=np.frombuffer(KEY, np.uint8), patterns=VALUES[:, :, :1])
    else:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content[: -20 if wrong == "cut" else None])
    made = []
    again = Shelf(tmp_path, KEY, SHAPE)
    assert np.array_equal(again.take(BLOCK, lambda block: made.append(block) or VALUES), VALUES)
    assert made == [BLOCK]
    assert np.array_equal(again.take(BLOCK, never), VALUES)


def test_a_makers_death_costs_a_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "_PATIENCE", 0.1)
    dead = Shelf(tmp_path, KEY, SHAPE)
    assert dead._claimed(BLOCK)
    assert np.array_equal(Shelf(tmp_path, KEY, SHAPE).take(BLOCK, make), VALUES)
    # Nobody waits for it again.
    assert np.array_equal(Shelf(tmp_path, KEY, SHAPE).take(BLOCK, never, wait=False), VALUES)


def test_without_the_folder_everybody_makes_it(tmp_path):
    alone = Shelf(tmp_path / "elsewhere", KEY, SHAPE)
    assert np.array_equal(alone.take(BLOCK, make), VALUES)
    alone.lay(BLOCK, VALUES)
    assert not list(tmp_path.iterdir())


def test_a_folder_takes_so_much_and_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "_LARGEST_BYTES", 6000)
    full = Shelf(tmp_path, KEY, SHAPE)
    for number in range(3):
        assert np.array_equal(full.take((number, 0), make), VALUES)
    assert len(list(tmp_path.glob("*/*"))) == 1


def test_a_key_names_table_angle_and_blur(small_table):
    def key(*conditions):
        return PatternDictionary(small_table, *conditions)._blocks._maker.key()

    keys = {key(11.0, 0.3), key(11.0, 0.3), key(11.0, 0.31), key(11.1, 0.3)}
    assert len(keys) == 3


def test_what_was_made_before_is_laid_down(small_table, tmp_path, monkeypatch):
    first = PatternDictionary(small_table, 11.0, 0.3)
    node = first.node((1, 1))
    first.share(tmp_path)
    monkeypatch.setattr(BlockMaker, "make", lambda self, block: never(block))
    second = PatternDictionary(small_table, 11.0, 0.3)
    second.share(tmp_path)
    second.prepare([(0, 0), (2, 2)])
    again = second.node((1, 1))
    for name, values in vars(node).items():
        assert np.array_equal(values, getattr(again, name)), name
