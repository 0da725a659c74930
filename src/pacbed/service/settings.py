"""What a running service may use: folders, cores, sizes and times."""

import os
from dataclasses import dataclass, fields
from pathlib import Path

from pacbed.errors import OutOfRangeError
from pacbed.service.hosts import listed_hosts, listed_proxies

MIB = 2**20


@dataclass(frozen=True)
class Settings:
    """Limits of one worker process; each has a variable ``PACBED_<NAME>``.

    Attributes
    ----------
    data : Path or None
        Data folder, searched before the shipped systems; None leaves the search to
        :func:`pacbed.library.installed.data_folder`, which knows ``PACBED_DATA``.
    threads : int
        Inferences at once; 0 takes the cores that this process may use.
    queue : int
        Requests that may wait beside those that are worked on; more get 503.
    max_body_mib : int
        Largest body of a request, MiB; more gets 413 before it is read.
    upload_seconds : float
        Longest time in which a body must have arrived.
    silent_seconds : float
        Longest time without a byte of a request that is on its way, or of an answer that is.
    head_seconds : float
        Longest time in which the head of a request must have arrived.
    connections : int
        Connections at once; beyond them those are closed that wait longest for a request.
    held_mib : int
        Bodies of all requests that arrive, wait or are worked on, together, MiB; more get
        503.
    request_seconds : float
        Longest time of the work on one request, its wait in the queue included.
    read_seconds : float
        Longest time in which a file must have been understood.
    reader_memory_mib : int
        Address space of the process that reads uploaded files, MiB; 0 is no limit.
    max_frames : int
        Largest number of frames in one batch.
    reload_seconds : float
        The data folder is looked through for new bundles at most this often.
    allow_origins : str
        Origins of other pages that may use the service, separated by commas.
    allow_hosts : str
        Names under which the service answers beside those of the loopback and the address
        at which a request arrives, separated by commas.
    proxy : str
        Addresses of reverse proxies whose ``X-Forwarded-For`` is believed, separated by
        commas.
    map_root : Path or None
        Scans below this folder may be named by requests for maps; None allows none.
    map_folder : Path or None
        Where jobs for maps keep their state and results, shared by the workers; None is a
        private folder of each.
    map_jobs : int
        Maps that may wait or be made, of all workers together; more get 503.
    map_seconds : float
        Longest time for one map.
    map_keep_seconds : float
        A map is deleted this long after it was made.
    map_memory_mib : int
        Address space of the process that makes a map, MiB; 0 is no limit.
    own_systems : str
        ``on`` where systems may be made from structure files; ``pacbed serve`` sets it where
        only this computer is served.
    system_folder : Path or None
        Where own systems are kept, shared by the workers; None is a private folder of each.
    system_jobs : int
        Own systems that may wait or be made, of all workers together; more get 429.
    systems_held : int
        Own systems that are kept; the oldest makes room.
    system_seconds : float
        Longest time for one simulation.
    system_memory_mib : int
        Address space of the process that simulates, MiB; 0 is no limit.
    calibration_minutes : float
        Minutes of one core, at the lowest priority, in which an own system's error bars are
        measured once it answers; 0 measures none. ``pacbed serve`` sets 10.
    watch_folder : Path or None
        Patterns that arrive in this folder are given to the page, at this computer alone.
    """

    data: Path | None = None
    threads: int = 0
    queue: int = 32
    max_body_mib: int = 128
    upload_seconds: float = 60.0
    silent_seconds: float = 10.0
    head_seconds: float = 5.0
    connections: int = 256
    held_mib: int = 1024
    request_seconds: float = 60.0
    read_seconds: float = 20.0
    reader_memory_mib: int = 4096
    max_frames: int = 512
    reload_seconds: float = 2.0
    allow_origins: str = ""
    allow_hosts: str = ""
    proxy: str = ""
    map_root: Path | None = None
    map_folder: Path | None = None
    map_jobs: int = 8
    map_seconds: float = 600.0
    map_keep_seconds: float = 3600.0
    map_memory_mib: int = 8192
    own_systems: str = "off"
    system_folder: Path | None = None
    system_jobs: int = 3
    systems_held: int = 8
    system_seconds: float = 300.0
    system_memory_mib: int = 4096
    calibration_minutes: float = 0.0
    watch_folder: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what no service can run with."""
        for name, check in (("allow_hosts", listed_hosts), ("proxy", listed_proxies)):
            try:
                check(getattr(self, name))
            except OutOfRangeError as error:
                raise OutOfRangeError(f"{_variable(name)}: {error}") from None
        if self.own_systems not in ("on", "off"):
            raise OutOfRangeError(f"{_variable('own_systems')}: give on or off")
        for entry in fields(self):
            value = getattr(self, entry.name)
            lowest = 0 if entry.name in _MAY_BE_ZERO else 1e-3
            if isinstance(value, int | float) and not lowest <= value < 1e9:
                raise OutOfRangeError(
                    f"{_variable(entry.name)} = {value}: give a number from {lowest:g} on"
                )

    @property
    def worker_threads(self) -> int:
        """Inferences at once, with 0 replaced by the number of usable cores."""
        return self.threads or usable_cores()

    @property
    def max_body_bytes(self) -> int:
        """Largest body of a request in bytes."""
        return self.max_body_mib * MIB

    @property
    def origins(self) -> tuple[str, ...]:
        """Other pages that may use the service."""
        return tuple(filter(None, map(str.strip, self.allow_origins.split(","))))

    @property
    def held_bytes(self) -> int:
        """All bodies together in bytes; the largest single one always fits."""
        return max(self.held_mib, self.max_body_mib) * MIB

    @classmethod
    def from_environment(cls) -> "Settings":
        """Settings from the variables ``PACBED_THREADS``, ``PACBED_QUEUE`` and so on.

        Raises
        ------
        OutOfRangeError
            If a variable is not a number, or one that cannot be used.
        """
        defaults = cls()
        values: dict[str, object] = {}
        for entry in fields(cls):
            text = os.environ.get(_variable(entry.name), "").strip()
            if not text or entry.name == "data":
                continue
            if entry.name in _FOLDERS:
                values[entry.name] = _folder(entry.name, text)
                continue
            try:
                values[entry.name] = type(getattr(defaults, entry.name))(text)
            except ValueError:
                raise OutOfRangeError(
                    f'{_variable(entry.name)} = "{text}": give a number'
                ) from None
        return cls(**values)  # type: ignore[arg-type]


_MAY_BE_ZERO = (
    "threads",
    "queue",
    "reader_memory_mib",
    "reload_seconds",
    "map_memory_mib",
    "system_memory_mib",
    "calibration_minutes",
)
_FOLDERS = ("map_root", "map_folder", "system_folder", "watch_folder")


def _variable(name: str) -> str:
    return f"PACBED_{name.upper()}"


def _folder(name: str, text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise OutOfRangeError(f'{_variable(name)} = "{text}": give a folder that exists')
    return folder.resolve()


def usable_cores() -> int:
    """Cores that this process may use, at least one."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)
