"""Batches from processes of their own, so that synthesis and training share the cores."""

import multiprocessing
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import TypeVar

import torch

from pacbed.lacbed.table import LacbedTable
from pacbed.learn.batches import Batch, PatternStream, StreamOptions
from pacbed.library.system import System

_T = TypeVar("_T")
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
    with produced(partial(_stream, table, system, options, seed, batch_size), workers) as batches:
        yield batches


@contextmanager
def produced(make: Callable[[int], Iterator[_T]], workers: int) -> Iterator[Iterator[_T]]:
    """What several workers make; without workers it is made in this process.

    Parameters
    ----------
    make : callable
        Gets the number of a worker, and gives what it makes; is sent to it.
    workers : int
        With one, or none, the order is that in which it is made.
    """
    if workers == 0:
        yield make(0)
        return
    context = multiprocessing.get_context("spawn")
    # For this process alone: shared, it would leave a semaphore behind where workers are
    # stopped.
    stop = threading.Event()
    made: queue.Queue[_T | None] = queue.Queue(_WAITING)
    processes = []
    for number in range(workers):
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(
            target=_produce, args=(partial(make, number), sending), daemon=True
        )
        process.start()
        # With this end closed here, a worker's death ends the reading instead of
        # leaving it waiting.
        sending.close()
        threading.Thread(target=_receive, args=(receiving, made, stop), daemon=True).start()
        processes.append(process)
    try:
        yield _received(made)
    finally:
        stop.set()
        for process in processes:
            process.terminate()
            process.join()


def _stream(
    table: LacbedTable,
    system: System,
    options: StreamOptions,
    seed: int,
    batch_size: int,
    number: int,
) -> Iterator[Batch]:
    return PatternStream(table, system, options, seed + 7919 * number).batches(batch_size)


def _receive(receiving: Connection, made: "queue.Queue[_T | None]", stop: threading.Event) -> None:
    """Move what is made from a worker's pipe to the queue; None says that it has ended."""
    with receiving:
        while not stop.is_set():
            try:
                batch = receiving.recv()
            except (EOFError, OSError):
                batch = None
            while not stop.is_set():
                try:
                    made.put(batch, timeout=1)
                    break
                except queue.Full:
                    continue
            if batch is None:
                return


def _received(made: "queue.Queue[_T | None]") -> Iterator[_T]:
    while True:
        batch = made.get()
        if batch is None:
            raise RuntimeError("a process that makes training patterns has died")
        yield batch


def _produce(make: Callable[[], Iterator[object]], sending: Connection) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    parent = os.getppid()
    with sending:
        for batch in make():
            # A training that was killed cannot say stop.
            if os.getppid() != parent:
                return
            try:
                sending.send(batch)
            except OSError:
                return
