"""What the service counts, for Prometheus.

One process keeps its numbers in a registry of its own. With several workers,
``pacbed serve`` sets ``PROMETHEUS_MULTIPROC_DIR`` to a private folder, the
processes keep their numbers there, and each of them can answer for all.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """Counters of one service.

    Attributes
    ----------
    requests : Counter
        Answered requests by route and status.
    failures : Counter
        Failed requests by reason (``code`` of the answer).
    answers : Counter
        Estimates by system and status.
    waiting, working : Gauge
        Requests that hold a place in the queue, and inferences at work.
    stage_seconds : Histogram
        Time of each stage (wait, read, infer, picture).
    reloads : Counter
        Bundles taken up while serving, by outcome.
    maps : Counter
        Thickness maps that ended, by outcome.
    own_systems : Counter
        Systems made from structures, by outcome.
    system_jobs : Gauge
        Those that wait or are being made.
    map_jobs : Gauge
        Thickness maps that wait or are being made.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        self.requests = Counter(
            "pacbed_requests", "Requests answered", ["route", "status"], registry=registry
        )
        self.failures = Counter("pacbed_failures", "Requests failed", ["reason"], registry=registry)
        self.answers = Counter(
            "pacbed_answers", "Estimates given", ["system", "status"], registry=registry
        )
        self.waiting = Gauge(
            "pacbed_places_taken",
            "Requests that hold a place in the queue",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.working = Gauge(
            "pacbed_jobs_running",
            "Pieces of work on the threads",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.stage_seconds = Histogram(
            "pacbed_stage_seconds",
            "Time of each stage",
            ["stage"],
            registry=registry,
            buckets=_SECONDS,
        )
        self.reloads = Counter(
            "pacbed_reloads", "Bundles taken up while serving", ["outcome"], registry=registry
        )
        self.maps = Counter("pacbed_maps", "Maps that ended", ["outcome"], registry=registry)
        self.own_systems = Counter(
            "pacbed_own_systems",
            "Systems from structures that ended",
            ["outcome"],
            registry=registry,
        )
        self.system_jobs = Gauge(
            "pacbed_system_jobs",
            "Systems from structures that wait or are being made",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.map_jobs = Gauge(
            "pacbed_map_jobs",
            "Maps that wait or are being made",
            registry=registry,
            multiprocess_mode="livesum",
        )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the time of one stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.stage_seconds.labels(name).observe(time.perf_counter() - started)

    def exposition(self) -> bytes:
        """All numbers as text, of every worker where there are several."""
        registry = self._registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
