"""Where models lie: shipped bundles, those of a data folder, and what else its register lists."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# These register their kinds of models.
import pacbed.library.models.bundle
import pacbed.library.models.label_bundle
import pacbed.library.models.table_model  # noqa: F401
from pacbed import optional
from pacbed.errors import PacbedError
from pacbed.library.models.contained import contained, in_words
from pacbed.library.models.kinds import Model, model_of
from pacbed.library.models.model_files import DESCRIPTION, read_description
from pacbed.library.register.readable_rows import readable_rows
from pacbed.library.register.rows import (
    RegisterRow,
    register_models,
    system_folder,
)

#: What tells whether a model was changed.
Stamp = tuple[object, ...]

_SHIPPED = Path(__file__).parent / "bundles"


@dataclass(frozen=True)
class ModelPlace:
    """A folder with a model in it, read only when asked.

    Attributes
    ----------
    folder : Path
    load : callable
        Reads the description; raises a :class:`PacbedError` where it is broken.
    system_id : int or None
        Number of the system as the folder's place or the register says it.
    watched : tuple of Path
        Files that say, beside the description, whether the model was changed.
    row : RegisterRow or None
        Row of the register that says what system it is, for a model that does not itself.
    """

    folder: Path
    load: Callable[[], Model]
    system_id: int | None
    watched: tuple[Path, ...]
    row: RegisterRow | None = None

    def stamp(self) -> Stamp | None:
        """State on disk; None where the model is gone."""
        found: list[object] = [self.row]
        for number, path in enumerate(self.watched):
            try:
                status = path.stat()
            except OSError:
                if number == 0:
                    return None
                found.append(None)
            else:
                found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return tuple(found)


@dataclass(frozen=True)
class Fault:
    """A model or register that cannot be used.

    Attributes
    ----------
    folder : Path
    system_id : int or None
    error : PacbedError
    """

    folder: Path
    system_id: int | None
    error: PacbedError


@dataclass(frozen=True)
class RegisteredSystem:
    """A system of a data folder's register.

    Attributes
    ----------
    row : RegisterRow
    home : Path
        Its folder.
    models : tuple of Path
        Folders of its models, in the order of their rows; need not exist.
    """

    row: RegisterRow
    home: Path
    models: tuple[Path, ...]


#: What finds models that are no bundles: gives the places of a system's, in the order of search.
SOURCES: list[Callable[[RegisteredSystem], list[ModelPlace]]] = []


def open_model(folder: Path) -> Model:
    """Read the model in a folder, of whichever kind it is.

    Raises
    ------
    BundleError
        If the folder has no model, or a broken one.
    """
    return model_of(read_description(folder))


def _open_answering(folder: Path) -> Model:
    model = open_model(folder)
    model.check_answers()
    return model


def model_places(data: Path | None) -> tuple[list[ModelPlace], list[Fault]]:
    """Places of all models in the order of search; of one system the first counts.

    Parameters
    ----------
    data : Path or None
        Data folder. Of a system's models the one of the last row in its
        ``Register_models.csv`` comes first, what is not listed after what is, and other
        models after bundles where no bundle is listed. The shipped bundles come last.

    Returns
    -------
    places : list of ModelPlace
    faults : list of Fault
        What of the register cannot be read.
    """
    shipped = [_bundle_place(path.parent) for path in sorted(_SHIPPED.glob(f"*/{DESCRIPTION}"))]
    if data is None:
        return shipped, []
    # Where the register does not say which model is the latest, the last by name counts.
    own = [_bundle_place(p.parent) for p in sorted(data.glob(f"*/models/*/{DESCRIPTION}"))[::-1]]
    systems, faults = registered_systems(data)
    optional.load("places")
    others: list[ModelPlace] = []
    for system in systems:
        for source in SOURCES:
            with _telling(faults, data, system.row):
                others += source(system)
    return [*_latest_first(data, [*own, *others]), *shipped], faults


def registered_systems(data: Path) -> tuple[list[RegisteredSystem], list[Fault]]:
    """The systems that a data folder's register lists, and what of it cannot be read."""
    found: list[RegisteredSystem] = []
    faults: list[Fault] = []
    try:
        rows, refused = readable_rows(data)
    except PacbedError as error:
        return [], [Fault(data, None, error)]
    for fault in refused:
        folder = data if fault.id is None else data / str(fault.id)
        faults.append(Fault(folder, fault.id, fault.error))
    for row in rows:
        with _telling(faults, data, row):
            home = system_folder(data, row)
            models = tuple(model.folder for model in register_models(data, row.id, row))
            found.append(RegisteredSystem(row, home, models))
    return found, faults


@contextmanager
def _telling(faults: list[Fault], data: Path, row: RegisterRow) -> Iterator[None]:
    """Add what is wrong with a registered system to the faults, and go on."""
    try:
        yield
    except (PacbedError, OSError) as error:
        folder = data / str(row.id)
        faults.append(Fault(folder, row.id, in_words(folder, error)))


def _latest_first(data: Path, places: list[ModelPlace]) -> list[ModelPlace]:
    """Order the places of each system by the rows of its register; systems keep theirs."""
    of_system: dict[int | None, list[ModelPlace]] = {}
    for place in places:
        of_system.setdefault(place.system_id, []).append(place)
    # Read once, not for each system: there may be many.
    rows = _rows(data) if any(len(those) > 1 for those in of_system.values()) else {}
    ordered = {
        number: iter(
            those
            if number is None or len(those) < 2
            else _sorted(data, rows.get(number, RegisterRow(number)), those)
        )
        for number, those in of_system.items()
    }
    return [next(ordered[place.system_id]) for place in places]


def _rows(data: Path) -> dict[int, RegisterRow]:
    try:
        return {row.id: row for row in readable_rows(data)[0]}
    except PacbedError:  # which is told among the faults
        return {}


def _sorted(data: Path, row: RegisterRow, places: list[ModelPlace]) -> list[ModelPlace]:
    """Order the places of one system: the last row first, then what is not listed."""
    rows = _rows_of_models(data, row)
    bundle_listed = any(_end(place.folder) in rows for place in places if place.row is None)
    unlisted, behind = -1, -2

    def rank(place: ModelPlace) -> int:
        if place.row is not None and not bundle_listed:
            return behind
        return rows.get(_end(place.folder), unlisted)

    return sorted(places, key=rank, reverse=True)


def _rows_of_models(data: Path, row: RegisterRow) -> dict[Path, int]:
    """Row of each listed model of a system; none where their table cannot be read."""
    try:
        models = register_models(data, row.id, row)
    except PacbedError:  # which is told among the faults
        return {}
    return {_end(model.folder): row for row, model in enumerate(models)}


def _end(folder: Path) -> Path:
    """Where the links of a path lead; the path itself where they run in a circle."""
    try:
        return folder.resolve()
    except (OSError, RuntimeError):
        return folder


def _bundle_place(folder: Path) -> ModelPlace:
    number = folder.parents[1].name
    return ModelPlace(
        folder,
        lambda: contained(folder, lambda: _open_answering(folder)),
        int(number) if number.isascii() and number.isdigit() else None,
        (folder / DESCRIPTION,),
    )
