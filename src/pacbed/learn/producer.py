"""Batches from processes of their own, so that synthesis and training share the cores."""

import multiprocessing
import os
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event

import torch

from pacbed.lacbed.table import LacbedTable
from pacbed.learn.batches import Batch, PatternStream, StreamOptions
from pacbed.library.system import System

#: Batches that wait for the training.
_WAITING = 6


@contextmanager
def produced_batches(
    table: LacbedTable,
    system: System,
    options: StreamOptions,
    seed: int,
    batch_size: int,
    workers: int,
) -> Iterator[Iterator[Batch]]:
    """Endless batches; without workers they are made in this process.

    Parameters
    ----------
    table : LacbedTable
    system : System
    options : StreamOptions
    seed : int
        Worker n takes ``seed + 7919 n``. With one worker, or none, the sequence of
        batches is fixed by the seed.
    batch_size : int
    workers : int
    """
    if workers == 0:
        yield PatternStream(table, system, options, seed).batches(batch_size)
        return
    context = multiprocessing.get_context("spawn")
    batches: multiprocessing.Queue[Batch] = context.Queue(_WAITING)
    stop = context.Event()
    processes = [
        context.Process(
            target=_produce,
            args=(table, system, options, seed + 7919 * number, batch_size, batches, stop),
            daemon=True,
        )
        for number in range(workers)
    ]
    for process in processes:
        process.start()
    try:
        yield _received(batches, processes)
    finally:
        stop.set()
        for process in processes:
            process.terminate()
            process.join()


def _received(
    batches: "multiprocessing.Queue[Batch]",
    processes: "list[multiprocessing.context.SpawnProcess]",
) -> Iterator[Batch]:
    while True:
        try:
            yield batches.get(timeout=5)
        except queue.Empty:
            if not all(process.is_alive() for process in processes):
                raise RuntimeError("a process that makes training patterns has died") from None


def _produce(
    table: LacbedTable,
    system: System,
    options: StreamOptions,
    seed: int,
    batch_size: int,
    batches: "multiprocessing.Queue[Batch]",
    stop: Event,
) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    parent = os.getppid()
    for batch in PatternStream(table, system, options, seed).batches(batch_size):
        # A training that was killed cannot say stop.
        while not stop.is_set() and os.getppid() == parent:
            try:
                batches.put(batch, timeout=5)
                break
            except queue.Full:
                continue
        if stop.is_set() or os.getppid() != parent:
            return
