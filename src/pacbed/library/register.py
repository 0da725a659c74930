"""Which systems are installed, and the bundle of each."""

import os
import warnings
from collections.abc import Iterable
from pathlib import Path

from pacbed.errors import BundleError, MissingExtraError, PacbedError, UnknownSystemError
from pacbed.library.bundle import Bundle
from pacbed.library.data_register import RegisterRow
from pacbed.library.places import Fault, Model, ModelPlace, model_places
from pacbed.library.readable_rows import readable_rows
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


def installed_bundles(data: Path | None = None) -> list[Model]:
    """All models: those of the data folder before the shipped ones, by system ID.

    Parameters
    ----------
    data : Path, optional
        Data folder; models lie in ``<id>/models/<model>/``.

    Warns
    -----
    UserWarning
        Of each model that cannot be read; the others are installed.
    """
    models, faults = _in_order_of_search(data)
    _warn(faults)
    return sorted(models, key=lambda model: model.system.id)


def broken_bundles(data: Path | None = None) -> dict[Path, str]:
    """What is wrong with each model that cannot be read, by folder."""
    return {fault.folder: str(fault.error) for fault in _in_order_of_search(data)[1]}


def find_places(data: Path | None = None) -> tuple[list[ModelPlace], list[Fault]]:
    """Places of all models in the order of search; see :func:`~.places.model_places`.

    Parameters
    ----------
    data : Path, optional
        Data folder, by default that of :func:`data_folder`.
    """
    return model_places(data_folder(data))


def _in_order_of_search(data: Path | None) -> tuple[list[Model], list[Fault]]:
    """Models of the data folder, then the shipped ones whose ID it does not have."""
    found: dict[int, Model] = {}
    places, faults = find_places(data)
    for place in places:
        if place.row is not None and place.row.id in found:
            continue
        try:
            model = place.load()
        except PacbedError as error:
            faults.append(Fault(place.folder, place.system_id, error))
        else:
            found.setdefault(model.system.id, model)
    return list(found.values()), faults


def _warn(faults: list[Fault]) -> None:
    for fault in faults:
        warnings.warn(f"bundle left out: {fault.error}", UserWarning, stacklevel=1)


def installed_systems(data: Path | None = None) -> list[System]:
    """All installed systems, by ID."""
    return [bundle.system for bundle in installed_bundles(data)]


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
    system: str | int | None = None,
    *,
    material: str | None = None,
    high_tension_kV: float | None = None,
    zone_axis: tuple[int, int, int] = (0, 0, 1),
    data: Path | None = None,
) -> System:
    """Find an installed system by ID or name, or by material, voltage and zone axis.

    Parameters
    ----------
    system : str or int, optional
        ID or name.
    material : str, optional
        Name of the material or its formula, without regard to case.
    high_tension_kV : float, optional
    zone_axis : tuple of int
    data : Path, optional

    Raises
    ------
    UnknownSystemError
        If none fits; the message lists the installed ones, and the broken ones.
    MissingExtraError
        If the model with this ID needs an extra that is not installed.

    Warns
    -----
    UserWarning
        Of each bundle whose description cannot be read.
    """
    bundles, faults = _in_order_of_search(data)
    try:
        found = match_system(
            [bundle.system for bundle in bundles],
            system,
            material=material,
            high_tension_kV=high_tension_kV,
            zone_axis=zone_axis,
        )
    except UnknownSystemError as error:
        for fault in faults:
            # What is asked for is there and only lacks a package: that is what has to be told.
            asked = system is not None and str(system).strip() == str(fault.system_id)
            if asked and isinstance(fault.error, MissingExtraError):
                raise fault.error from error
        if not faults:
            raise
        broken = "; ".join(str(fault.error) for fault in faults)
        raise UnknownSystemError(f"{error}; broken: {broken}") from error
    _warn(faults)
    return found


def match_system(
    systems: Iterable[System],
    system: str | int | None = None,
    *,
    material: str | None = None,
    high_tension_kV: float | None = None,
    zone_axis: tuple[int, int, int] = (0, 0, 1),
) -> System:
    """Choose one of several systems; see :func:`find_system`.

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


def load_bundle(system: System | str | int, data: Path | None = None) -> Model:
    """Model of an installed system.

    Parameters
    ----------
    system : System, str or int
        As found by :func:`find_system`, or its ID or name.
    data : Path, optional

    Raises
    ------
    UnknownSystemError
        If it is not installed.
    BundleError
        If its bundle is broken.
    """
    wanted = system if isinstance(system, System) else find_system(system, data=data)
    for bundle in installed_bundles(data):
        if bundle.system == wanted:
            return bundle
    raise UnknownSystemError(f"system {wanted.name} is not installed")


def load_engine(system: System | str | int, data: Path | None = None) -> Bundle:
    """Bundle of an installed system, for what needs networks with a fit behind them.

    Parameters
    ----------
    system : System, str or int
        As found by :func:`find_system`, or its ID or name.
    data : Path, optional

    Raises
    ------
    UnknownSystemError
        If it is not installed, or its model chooses among labels.
    BundleError
        If its bundle is broken.
    """
    model = load_bundle(system, data)
    if not isinstance(model, Bundle):
        raise UnknownSystemError(
            f"the model of the system {model.system.name} chooses among labels, and this needs a "
            "bundle that was made from a crystal: pacbed train RECIPE makes one"
        )
    return model
