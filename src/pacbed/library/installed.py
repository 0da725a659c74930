"""Which systems are installed, and the bundle of each."""

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pacbed.errors import BundleError, MissingExtraError, PacbedError, UnknownSystemError
from pacbed.library.models.bundle import Bundle, engine_of
from pacbed.library.models.kinds import Model, with_table
from pacbed.library.places import Fault, ModelPlace, model_places
from pacbed.library.register.readable_rows import readable_rows
from pacbed.library.register.rows import RegisterRow
from pacbed.library.system import System

#: Two voltages closer than this share are the same.
_SAME_VOLTAGE = 0.01


def data_folder(data: Path | None = None) -> Path | None:
    """The data folder: as given, else ``PACBED_DATA``, else ``./data`` with a register.

    Raises
    ------
    BundleError
        If a folder was named that does not exist.
    """
    named = data if data is not None else os.environ.get("PACBED_DATA")
    if named is not None:
        folder = Path(named)
        if not folder.is_dir():
            raise BundleError(f"{folder}: is not a folder; give the data folder")
        return folder
    folder = Path("data")
    return folder if (folder / "Register.csv").is_file() else None


@dataclass(frozen=True)
class Installed:
    """What a look through all places found, each description read once.

    Attributes
    ----------
    models : tuple of Model
        In the order of search: those of the data folder before the shipped ones whose number
        it does not have; of one system the first.
    faults : tuple of Fault
        Models that cannot be read.
    data : Path or None
        The data folder that was looked through.
    """

    models: tuple[Model, ...]
    faults: tuple[Fault, ...]
    data: Path | None = None

    @property
    def by_number(self) -> list[Model]:
        """The models by the number of their system."""
        return sorted(self.models, key=lambda model: model.system.id)

    def warn(self) -> "Installed":
        """Warn of each model that was left out."""
        for fault in self.faults:
            warnings.warn(f"bundle left out: {fault.error}", UserWarning, stacklevel=2)
        return self

    def find(self, system: System | str | int | None = None, **conditions: Any) -> Model:
        """Choose a model by its system; see :func:`load_bundle`."""
        systems = [model.system for model in self.models]
        try:
            if isinstance(system, System):
                found = _same(systems, system)
            else:
                found = match_system(systems, system, **conditions)
        except UnknownSystemError as error:
            for fault in self.faults:
                # What is asked for is there and only lacks a package: that is what has to be told.
                asked = system is not None and str(system).strip() == str(fault.system_id)
                if asked and isinstance(fault.error, MissingExtraError):
                    raise fault.error from error
            self._tell_without_model(systems, system, error)
            if not self.faults:
                raise
            broken = "; ".join(str(fault.error) for fault in self.faults)
            raise UnknownSystemError(f"{error}; broken: {broken}") from error
        return self.models[systems.index(found)]

    def _tell_without_model(
        self, systems: list[System], asked: Any, error: UnknownSystemError
    ) -> None:
        """Say of a registered system that all it lacks is a model."""
        answered = {system.id for system in systems}
        for row in systems_without_model(self.data, answered) if self.data is not None else []:
            if str(asked).strip() != str(row.id):
                continue
            home = self.data / str(row.id) if self.data is not None else Path(str(row.id))
            # A broken model is another matter, and told as such.
            if any(fault.system_id == row.id for fault in self.faults):
                return
            recipe = home / "recipe.toml"
            how = (
                f"pacbed train {recipe} --data {self.data} makes one"
                if recipe.is_file()
                else "pacbed add CIF makes a system that answers, pacbed train one with networks"
            )
            raise UnknownSystemError(
                f"system {row.id} ({row.material or 'no material'}) is registered in {self.data}, "
                f"but has no model: {how}"
            ) from error


def _same(systems: list[System], wanted: System) -> System:
    if wanted not in systems:
        raise UnknownSystemError(f"system {wanted.name} is not installed")
    return wanted


def look(data: Path | None = None) -> Installed:
    """Look through all places, and read the description of each model that answers."""
    found: dict[int, Model] = {}
    folder = data_folder(data)
    places, faults = model_places(folder)
    for place in places:
        if place.row is not None and place.row.id in found:
            continue
        try:
            model = place.load()
        except PacbedError as error:
            faults.append(Fault(place.folder, place.system_id, error))
        else:
            found.setdefault(model.system.id, model)
    return Installed(tuple(found.values()), tuple(faults), folder)


def find_places(data: Path | None = None) -> tuple[list[ModelPlace], list[Fault]]:
    """Places of all models in the order of search; by default in :func:`data_folder`."""
    return model_places(data_folder(data))


def installed_bundles(data: Path | None = None) -> list[Model]:
    """All models, by system ID; warns of each that cannot be read."""
    return look(data).warn().by_number


def broken_bundles(data: Path | None = None) -> dict[Path, str]:
    """What is wrong with each model that cannot be read, by folder."""
    return {fault.folder: str(fault.error) for fault in look(data).faults}


def installed_systems(data: Path | None = None) -> list[System]:
    """All installed systems, by ID.

    Parameters
    ----------
    data : Path, optional
        Data folder; by default as for :func:`data_folder`.

    Returns
    -------
    list of System

    Examples
    --------
    >>> import pacbed
    >>> [system.name for system in pacbed.installed_systems()]
    ['rutile-001-80kV', 'sto-001-80kV', 'sto-001-200kV', 'sto-001-300kV']
    """
    return [model.system for model in installed_bundles(data)]


def shipped_systems() -> list[System]:
    """The systems that come with the program, by ID."""
    places, _ = model_places(None)
    return sorted((place.load().system for place in places), key=lambda system: system.id)


def systems_without_model(data: Path | None, answered: set[int]) -> list[RegisterRow]:
    """Registered systems that no model answers for.

    Parameters
    ----------
    data : Path, optional
        Data folder.
    answered : set of int
        Numbers of the systems that have a model.
    """
    folder = data_folder(data)
    try:
        rows = readable_rows(folder)[0] if folder is not None else []
    except PacbedError:
        return []  # which is told among the broken ones
    return [row for row in rows if row.id not in answered]


def find_system(
    system: str | int | None = None, *, data: Path | None = None, **conditions: Any
) -> System:
    """The system of :func:`load_bundle`: found by ID or name, or by material and voltage."""
    return load_bundle(system, data, **conditions).system


def match_system(
    systems: Iterable[System],
    system: str | int | None = None,
    *,
    material: str | None = None,
    high_tension_kV: float | None = None,
    zone_axis: tuple[int, int, int] = (0, 0, 1),
) -> System:
    """Choose one of several systems by ID or name, or by material, voltage and zone axis.

    Parameters
    ----------
    systems : iterable of System
        In the order of search.
    system : str or int, optional
        ID or name.
    material : str, optional
        Name or formula of the material, or a system's ID or name; without regard to
        case.
    high_tension_kV : float, optional
    zone_axis : tuple of int

    Raises
    ------
    UnknownSystemError
        If none fits; the message lists the given ones.
    """
    systems = list(systems)
    listed = sorted(systems, key=lambda candidate: candidate.id)
    known = ", ".join(f"{s.id} {s.name}" for s in listed) or "none"
    if system is not None:
        wanted = str(system).strip().lower()
        for candidate in systems:
            if wanted in (str(candidate.id), candidate.name.lower()):
                return candidate
        raise UnknownSystemError(f"system {system!s} is not installed; installed are: {known}")
    for candidate in systems:
        names = [candidate.material, candidate.composition, candidate.name, str(candidate.id)]
        if (
            material is not None
            and material.strip().lower() in [name.lower() for name in names]
            and high_tension_kV is not None
            and candidate.high_tension_kV is not None
            and abs(high_tension_kV - candidate.high_tension_kV)
            <= _SAME_VOLTAGE * candidate.high_tension_kV
            and zone_axis == candidate.zone_axis
        ):
            return candidate
    axis = " ".join(map(str, zone_axis))
    voltage = "no voltage" if high_tension_kV is None else f"{high_tension_kV:g} kV"
    raise UnknownSystemError(
        f"no system for {material} [{axis}] at {voltage} is installed; installed are: {known}"
    )


def load_bundle(
    system: System | str | int | None = None, data: Path | None = None, **conditions: Any
) -> Model:
    """Model of an installed system.

    Parameters
    ----------
    system : System, str or int, optional
        As found by :func:`find_system`, or its ID or name.
    data : Path, optional
    **conditions
        In place of `system`: ``material``, ``high_tension_kV`` and ``zone_axis``, see
        :func:`match_system`.

    Raises
    ------
    UnknownSystemError
        If it is not installed; the message lists what is, and what is broken.
    MissingExtraError
        If the model with this ID needs an extra that is not installed.

    Warns
    -----
    UserWarning
        Of each model that cannot be read.
    """
    installed = look(data)
    model = installed.find(system, **conditions)
    installed.warn()
    return model


def load_with_table(system: System | str | int, data: Path | None = None) -> Model:
    """Model of an installed system, for what fits patterns with a table.

    Parameters and errors are those of :func:`load_bundle`; a model without a table is refused
    as well.
    """
    return with_table(load_bundle(system, data))


def load_engine(system: System | str | int, data: Path | None = None) -> Bundle:
    """Bundle of an installed system, for what needs networks with a fit behind them.

    Parameters and errors are those of :func:`load_bundle`; a model that chooses among labels is
    refused as well.
    """
    return engine_of(load_bundle(system, data))
