"""The parts of one running service, and how they start and stop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request

from pacbed.service.admission import place_of
from pacbed.service.catalogue import Catalogue
from pacbed.service.inference import Inference
from pacbed.service.maps.requests import Maps
from pacbed.service.metrics import Metrics
from pacbed.service.queue import Place, WorkQueue
from pacbed.service.reader_pool import ReaderPool
from pacbed.service.run import begin_process
from pacbed.service.settings import Settings
from pacbed.service.systems.requests import Systems
from pacbed.watch.arrivals import Arrivals

_T = TypeVar("_T")


@dataclass(frozen=True)
class Services:
    """What the routes use.

    Attributes
    ----------
    settings : Settings
    metrics : Metrics
    catalogue : Catalogue
    readers : ReaderPool
    queue : WorkQueue
    inference : Inference
    maps : Maps
    systems : Systems
    arrivals : Arrivals or None
        Of the folder that is watched, if one is.
    """

    settings: Settings
    metrics: Metrics
    catalogue: Catalogue
    readers: ReaderPool
    queue: WorkQueue
    inference: Inference
    maps: Maps
    systems: Systems
    arrivals: Arrivals | None = None

    @classmethod
    def start(cls, settings: Settings, metrics: Metrics) -> "Services":
        """Start threads and the first reading process; bundles wait for their first use."""
        begin_process()
        catalogue = Catalogue(settings.data, settings.reload_seconds, metrics)
        readers = ReaderPool(settings.read_seconds, settings.reader_memory_mib)
        queue = WorkQueue(
            settings.worker_threads, settings.queue, settings.request_seconds, metrics
        )
        readers.start_one()
        inference = Inference(catalogue, readers, metrics, settings.request_seconds)
        maps = Maps(settings, catalogue, metrics)
        systems = Systems(settings, catalogue, metrics)
        folder = settings.watch_folder
        arrivals = None if folder is None else Arrivals(folder)
        return cls(settings, metrics, catalogue, readers, queue, inference, maps, systems, arrivals)

    def stop(self) -> None:
        """Finish what is at work and end threads and processes."""
        self.maps.close()
        self.systems.close()
        self.queue.close()
        self.readers.close()


def services_of(request: Request) -> Services:
    """Return the services behind a request."""
    services: Services = request.app.state.services
    return services


async def work_for(request: Request, work: Callable[[Place], _T]) -> _T:
    """Do one piece of work on a thread, as long as the client waits for it.

    Parameters
    ----------
    request : Request
        One that came through :class:`~pacbed.service.admission.Admission`.
    work : callable
        Gets the request's place in the queue.
    """
    queue, place = services_of(request).queue, place_of(request)
    return await queue.finish(request, place, queue.submit(place, lambda: work(place)))


async def work_for_each(
    request: Request, numbers: range, work: Callable[[Place, int], _T]
) -> list[_T]:
    """Do work for each number, on all threads at once, and return it in order."""
    queue, place = services_of(request).queue, place_of(request)
    room = asyncio.Semaphore(queue.threads)

    async def one(number: int) -> _T:
        async with room:
            return await queue.submit(place, lambda: work(place, number))

    async def all_of_them() -> list[_T]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(number)) for number in numbers]
        return [task.result() for task in tasks]

    return await queue.finish(request, place, all_of_them())
