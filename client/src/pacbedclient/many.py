"""Many requests at once, their answers in order."""

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any, Callable, Dict, List, Optional


def in_threads(
    work: Callable[[Any], Any],
    todo: List[Any],
    threads: int,
    progress: Optional[Callable[[int, int], Any]],
) -> List[Any]:
    """Return the results of the work on each entry, in their order."""
    results: List[Any] = [None] * len(todo)
    places: Dict[Any, int] = {}
    pool = ThreadPoolExecutor(max_workers=threads)
    try:
        for place, entry in enumerate(todo):
            places[pool.submit(work, entry)] = place
        pending = set(places)
        while pending:
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in finished:
                results[places[future]] = future.result()
            if progress is not None:
                progress(len(todo) - len(pending), len(todo))
    finally:
        for future in places:
            future.cancel()
        # Requests on their way end by themselves; an error does not wait for them.
        pool.shutdown(wait=False)
    return results
