"""The bundles that a running service answers with, and their replacement."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pacbed.errors import BundleError, PacbedError, UnknownSystemError
from pacbed.infer.open_predictor import AnyPredictor, open_predictor
from pacbed.library.installed import find_places
from pacbed.library.models.kinds import Model
from pacbed.library.places import ModelPlace, Stamp
from pacbed.library.system import System
from pacbed.service.metrics import Metrics

log = logging.getLogger("pacbed.service")


@dataclass
class Entry:
    """One installed system.

    Attributes
    ----------
    place : ModelPlace
        Where the model was read from.
    bundle : Model
    stamp : tuple
        State of the place when it was read.
    predictor : AnyPredictor or None
        None until the first request for the system.
    """

    place: ModelPlace
    bundle: Model
    stamp: Stamp
    predictor: AnyPredictor | None = None


class Catalogue:
    """Installed systems; may be shared by threads.

    A bundle is loaded when it is first asked for. One that appears or changes while
    the service runs is loaded wholly before it takes the place of an older one, so
    that a broken one changes nothing.

    Parameters
    ----------
    data : Path or None
        Data folder.
    interval_seconds : float
        The folders are looked through at most this often.
    metrics : Metrics
    """

    def __init__(self, data: Path | None, interval_seconds: float, metrics: Metrics) -> None:
        self._data = data
        self._interval_seconds = interval_seconds
        self._metrics = metrics
        self._lock = threading.RLock()
        self._entries: dict[int, Entry] = {}
        self._order: list[int] = []
        self._refused: dict[Path, Stamp] = {}
        self._told: dict[Path, str] = {}
        self._faults: dict[Path, str] = {}
        self._looked = -float("inf")
        self._serving = False
        self._more: Callable[[], list[ModelPlace]] = list
        self._more_stamps: list[Stamp | None] = []

    def also(self, more: Callable[[], list[ModelPlace]]) -> None:
        """Serve the models of further places, looked through at every question: they are few.

        Parameters
        ----------
        more : callable
            Gives them, in the order of search, which is after all others.
        """
        self._more = more

    @property
    def faults(self) -> dict[str, str]:
        """What is wrong with each bundle that was refused.

        By folder name; where folders share one, with as much before it as tells them apart.
        """
        with self._lock:
            return {_short(folder, self._faults): why for folder, why in self._faults.items()}

    def systems(self) -> list[System]:
        """List the installed systems by ID."""
        return [model.system for model in self.models()]

    def in_order_of_search(self) -> list[System]:
        """List the installed systems, those of the data folder before the shipped ones."""
        with self._lock:
            self._look()
            return [self._entries[number].bundle.system for number in self._order]

    def models(self) -> list[Model]:
        """List the models of the installed systems, by ID."""
        with self._lock:
            self._look()
            return sorted((e.bundle for e in self._entries.values()), key=lambda m: m.system.id)

    def predictor(self, system: System) -> AnyPredictor:
        """Return the predictor of an installed system, loaded at its first use.

        Raises
        ------
        UnknownSystemError
            If the system is not installed any more.
        BundleError
            If its bundle is broken.
        """
        with self._lock:
            try:
                return self._loaded(system)
            except BundleError:
                # It may have been replaced or removed since the last look.
                self.look_again()
                self._look()
                return self._loaded(system)

    def _loaded(self, system: System) -> AnyPredictor:
        entry = self._entries.get(system.id)
        if entry is None:
            raise UnknownSystemError(f"system {system.name} is not installed any more")
        if entry.predictor is None:
            entry.predictor = _load(entry.bundle)
        return entry.predictor

    def look_again(self) -> None:
        """Take up what has changed on disk at the next question, however short ago the last was."""
        with self._lock:
            self._looked = -float("inf")

    def _look(self) -> None:
        """Take up what has changed on disk."""
        now = time.monotonic()
        more = self._more()
        stamps = [place.stamp() for place in more]
        if now - self._looked < self._interval_seconds and stamps == self._more_stamps:
            return
        self._more_stamps = stamps
        seen: dict[int, None] = {}  # in the order of search
        places, faults = find_places(self._data)
        self._tell({fault.folder: fault.error for fault in faults})
        places += more
        for place in places:
            stamp = place.stamp()
            if stamp is None:
                continue
            if self._refused.get(place.folder) == stamp or not self._consider(place, stamp, seen):
                # What was read from this folder before it was spoilt goes on serving.
                served = (n for n, e in self._entries.items() if e.place.folder == place.folder)
                seen |= dict.fromkeys(served)
        listed = {place.folder for place in places}
        if not faults:
            self._forget(set(self._faults) - listed)
        for number in set(self._entries) - set(seen):
            # An older bundle goes on where its successor is broken, or the register is, not
            # where both are gone.
            place = self._entries[number].place
            if place.stamp() is None or not (place.folder in listed or faults):
                log.warning("system %d: its bundle was removed", number)
                del self._entries[number]
        self._order = [*seen, *(set(self._entries) - set(seen))]
        self._looked = now
        self._serving = True

    def _forget(self, folders: set[Path]) -> None:
        """Drop what was wrong with bundles that are gone."""
        for folder in folders:
            del self._faults[folder]
            self._refused.pop(folder, None)

    def _tell(self, faults: dict[Path, PacbedError]) -> None:
        """Keep what is wrong with the register; the log hears of it once."""
        said = {folder: str(error) for folder, error in faults.items()}
        for folder in set(self._told) - set(said):
            self._faults.pop(folder, None)
        for folder, error in faults.items():
            self._faults[folder] = type(error).__name__
            if self._told.get(folder) != said[folder]:
                log.error("register: %s", error)
        self._told = said

    def _consider(self, place: ModelPlace, stamp: Stamp, seen: dict[int, None]) -> bool:
        """Take the model of one place unless an earlier one has the system; False if broken."""
        folder = place.folder
        if place.row is not None and place.row.id in seen:
            return True
        known = self._known(folder, stamp)
        if known is not None and known.bundle.system.id not in seen:
            seen[known.bundle.system.id] = None
            return True
        try:
            bundle = place.load()
            if bundle.system.id in seen:
                return True
            entry = Entry(place, bundle, stamp)
            if self._serving:
                entry.predictor = _load(bundle)
        except PacbedError as error:
            self._refused[folder] = stamp
            self._faults[folder] = type(error).__name__
            self._metrics.reloads.labels("refused").inc()
            log.error("bundle refused, the systems served before go on: %s", error)
            return False
        self._faults.pop(folder, None)
        if self._serving:
            self._metrics.reloads.labels("taken").inc()
            log.info("system %s: serving the bundle in %s", bundle.system.name, folder)
        self._entries[bundle.system.id] = entry
        seen[bundle.system.id] = None
        return True

    def _known(self, folder: Path, stamp: Stamp) -> Entry | None:
        for entry in self._entries.values():
            if entry.place.folder == folder and entry.stamp == stamp:
                return entry
        return None


def _short(folder: Path, all_folders: Iterable[Path]) -> str:
    """End of a folder's path that no other one has."""
    others = [other.parts[::-1] for other in all_folders if other != folder]
    parts = folder.parts[::-1]
    lengths = range(1, len(parts))
    enough = (n for n in lengths if all(other[:n] != parts[:n] for other in others))
    return "/".join(parts[: next(enough, len(parts))][::-1])


def _load(bundle: Model) -> AnyPredictor:
    """Load all parts of a bundle, so that later changes on disk do not matter."""
    try:
        predictor = open_predictor(bundle)
        _ = bundle.table
    except PacbedError:
        raise
    except Exception as error:  # whatever a damaged table makes its reader raise
        raise BundleError(f"{bundle.folder}: cannot be loaded ({error!r})") from error
    return predictor
