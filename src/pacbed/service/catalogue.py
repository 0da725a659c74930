"""The bundles that a running service answers with, and their replacement."""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from pacbed.errors import BundleError, PacbedError, UnknownSystemError
from pacbed.infer.predictor import Predictor
from pacbed.library.bundle import DESCRIPTION, Bundle
from pacbed.library.register import bundle_folders
from pacbed.library.system import System
from pacbed.service.metrics import Metrics

log = logging.getLogger("pacbed.service")

#: What tells whether a bundle was replaced: its description is written last.
_Stamp = tuple[int, int, int]


@dataclass
class Entry:
    """One installed system.

    Attributes
    ----------
    bundle : Bundle
    stamp : tuple of int
        State of the description on disk when it was read.
    predictor : Predictor or None
        None until the first request for the system.
    """

    bundle: Bundle
    stamp: _Stamp
    predictor: Predictor | None = None


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
        self._refused: dict[Path, _Stamp] = {}
        self._looked = -float("inf")
        self._serving = False
        #: What is wrong with each bundle that was refused, by folder name.
        self.faults: dict[str, str] = {}

    def systems(self) -> list[System]:
        """List the installed systems by ID."""
        with self._lock:
            self._look()
            return sorted((e.bundle.system for e in self._entries.values()), key=lambda s: s.id)

    def predictor(self, system: System) -> Predictor:
        """Return the predictor of an installed system, loaded at its first use.

        Raises
        ------
        UnknownSystemError
            If the system is not installed any more.
        BundleError
            If its bundle is broken.
        """
        with self._lock:
            entry = self._entries.get(system.id)
            if entry is None:
                raise UnknownSystemError(f"system {system.name} is not installed any more")
            if entry.predictor is None:
                entry.predictor = _load(entry.bundle)
            return entry.predictor

    def _look(self) -> None:
        """Take up what has changed on disk."""
        now = time.monotonic()
        if now - self._looked < self._interval_seconds:
            return
        seen: set[int] = set()
        for folder in bundle_folders(self._data):
            stamp = _stamp(folder)
            if stamp is None:
                continue
            if self._refused.get(folder) == stamp or not self._consider(folder, stamp, seen):
                # What was read from this folder before it was spoilt goes on serving.
                seen |= {n for n, e in self._entries.items() if e.bundle.folder == folder}
        for number in set(self._entries) - seen:
            # An older bundle goes on where its successor is broken, not where both are gone.
            if _stamp(self._entries[number].bundle.folder) is None:
                log.warning("system %d: its bundle was removed", number)
                del self._entries[number]
        self._looked = now
        self._serving = True

    def _consider(self, folder: Path, stamp: _Stamp, seen: set[int]) -> bool:
        """Take the bundle of one folder unless an earlier one has the system; False if broken."""
        known = self._known(folder, stamp)
        if known is not None and known.bundle.system.id not in seen:
            seen.add(known.bundle.system.id)
            return True
        try:
            bundle = Bundle.load(folder)
            if bundle.system.id in seen:
                return True
            entry = Entry(bundle, stamp)
            if self._serving:
                entry.predictor = _load(bundle)
        except PacbedError as error:
            self._refused[folder] = stamp
            self.faults[folder.name] = type(error).__name__
            self._metrics.reloads.labels("refused").inc()
            log.error("bundle refused, the systems served before go on: %s", error)
            return False
        self.faults.pop(folder.name, None)
        if self._serving:
            self._metrics.reloads.labels("taken").inc()
            log.info("system %s: serving the bundle in %s", bundle.system.name, folder)
        self._entries[bundle.system.id] = entry
        seen.add(bundle.system.id)
        return True

    def _known(self, folder: Path, stamp: _Stamp) -> Entry | None:
        for entry in self._entries.values():
            if entry.bundle.folder == folder and entry.stamp == stamp:
                return entry
        return None


def _load(bundle: Bundle) -> Predictor:
    """Load all parts of a bundle, so that later changes on disk do not matter."""
    try:
        predictor = Predictor(bundle)
        _ = bundle.table
    except PacbedError:
        raise
    except Exception as error:  # whatever a damaged table makes its reader raise
        raise BundleError(f"{bundle.folder}: cannot be loaded ({error!r})") from error
    return predictor


def _stamp(folder: Path) -> _Stamp | None:
    try:
        status = (folder / DESCRIPTION).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
