"""Batches from processes of their own, so that synthesis and training share the cores."""

import multiprocessing
import os
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

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
    # For this process alone: shared, it would leave a semaphore behind where workers are
    # stopped.
    stop = threading.Event()
    batches: queue.Queue[Batch | None] = queue.Queue(_WAITING)
    processes = []
    for number in range(workers):
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(
            target=_produce,
            args=(table, system, options, seed + 7919 * number, batch_size, sending),
            daemon=True,
        )
        process.start()
        # With this end closed here, a worker's death ends the reading instead of
        # leaving it waiting.
        sending.close()
        threading.Thread(target=_receive, args=(receiving, batches, stop), daemon=True).start()
        processes.append(process)
    try:
        yield _received(batches)
    finally:
        stop.set()
        for process in processes:
            process.terminate()
            process.join()


def _receive(
    receiving: Connection, batches: "queue.Queue[Batch | None]", stop: threading.Event
) -> None:
    """Move batches from a worker's pipe to the queue; None says that it has ended."""
    with receiving:
        while not stop.is_set():
            try:
                batch = receiving.recv()
            except (EOFError, OSError):
                batch = None
            while not stop.is_set():
                try:
                    batches.put(batch, timeout=1)
                    break
                except queue.Full:
                    continue
            if batch is None:
                return


def _received(batches: "queue.Queue[Batch | None]") -> Iterator[Batch]:
    while True:
        batch = batches.get()
        if batch is None:
            raise RuntimeError("a process that makes training patterns has died")
        yield batch


def _produce(
    table: LacbedTable,
    system: System,
    options: StreamOptions,
    seed: int,
    batch_size: int,
    sending: Connection,
) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    parent = os.getppid()
    with sending:
        for batch in PatternStream(table, system, options, seed).batches(batch_size):
            # A training that was killed cannot say stop.
            if os.getppid() != parent:
                return
            try:
                sending.send(batch)
            except OSError:
                return
