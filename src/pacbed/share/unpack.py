"""From one file to an installed system: checked whole before anything of it is kept."""

import dataclasses
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pacbed.errors import FileFormatError, PacbedError
from pacbed.library.changes.install import install_model
from pacbed.library.changes.register_changes import (
    add_system,
    next_number,
    register_lock,
    stored_path,
)
from pacbed.library.changes.registration import (
    RECIPE,
    make_data_folder,
    register_recipe,
    taken_numbers,
)
from pacbed.library.changes.rename import check_free, check_name
from pacbed.library.models.contained import contained
from pacbed.library.models.kinds import Model
from pacbed.library.models.model_files import read_description, write_description
from pacbed.library.places import open_model
from pacbed.library.recipe import load_recipe
from pacbed.library.register.rows import RegisterRow
from pacbed.library.system import System
from pacbed.library.zone_axis import format_zone_axis
from pacbed.share.archive import read_archive
from pacbed.share.card import ANSWER, CARD, PATTERN, Card, read_card
from pacbed.share.test_pair import check_pair


@dataclass(frozen=True)
class Unpacked:
    """A system that was unpacked: as registered, its model's folder, its card, and if it is new."""

    system: System
    folder: Path
    card: Card
    new: bool


def unpack_system(
    path: Path,
    data: Path,
    name: str | None = None,
    test: bool = True,
    told: Callable[[float, str], None] | None = None,
) -> Unpacked:
    """Check a packed system, and register it.

    Parameters
    ----------
    path : Path
    data : Path
        Data folder; is made if it is missing.
    name : str, optional
        In place of the one that it was packed with.
    test : bool
        Whether its test pattern is asked before it is kept.
    told : callable, optional
        Called with the share that is done, 0..1, and what comes next.

    Raises
    ------
    FileFormatError
        If the file is no packed system, was changed, or does not answer its test.
    RecipeError
        If another system has its name.
    """
    say = told if told is not None else _silent
    say(0.0, "checking its files")
    files = read_archive(path)
    try:
        card = read_card(files)
    except ValueError as error:
        raise FileFormatError(f"{path}: {error}: ask for the file again") from error
    with tempfile.TemporaryDirectory(prefix="pacbed-unpack-") as staging:
        folder = Path(staging)
        _write(folder, files)
        try:
            model = contained(folder / "model", lambda: _opened(folder / "model", files))
            if test and card.has_test:
                say(0.2, "asking for its test pattern")
                contained(folder, lambda: check_pair(model, files[PATTERN], files[ANSWER]))
        except PacbedError as error:
            words = str(error).replace(str(folder), str(path))
            raise FileFormatError(f"{path}: {words.removeprefix(f'{path}: ')}") from error
        say(0.9, "registering")
        make_data_folder(data)
        system, home, new = _register(data, folder, model, name or model.system.name)
        place = home / "models" / f"{system.name}-{model.kind}"
        if not place.exists():
            place.parent.mkdir(exist_ok=True)
            model.copy_to(place)
            described = read_description(place)
            write_description(place, described.content | {"system": dataclasses.asdict(system)})
        install_model(data, place)
    return Unpacked(system, place, card, new)


def _silent(_share: float, _words: str) -> None: ...


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Lay the members out; the archive's reader lets names of one folder and one file through."""
    for part in ("model", "crystal", "test"):
        (folder / part).mkdir()
    for name, content in files.items():
        if name != CARD:
            (folder / name).write_bytes(content)


def _opened(folder: Path, files: Mapping[str, bytes]) -> Model:
    model = open_model(folder)
    own = {name.removeprefix("model/") for name in files if name.startswith("model/")}
    if own - {"bundle.json"} != set(model.hashes):
        raise FileFormatError(f"{folder}: has other files than its description lists")
    for file in model.hashes:
        model.read(file)
    model.check_answers()
    return model


def _register(data: Path, staging: Path, model: Model, name: str) -> tuple[System, Path, bool]:
    """Number and folder of the system in the register: by its recipe, where it has one."""
    check_name(name)
    system = dataclasses.replace(model.system, name=name)
    recipe = staging / "crystal" / RECIPE
    if not recipe.is_file():
        return _register_model(data, system)
    with warnings.catch_warnings():
        # What is worth a warning of its crystal was warned of where it was made.
        warnings.simplefilter("ignore")
        loaded = load_recipe(recipe)
    if loaded.system.zone_axis != system.zone_axis:
        raise FileFormatError(f"{recipe.name}: is the recipe of another system than the model")
    number = next_number(data, taken_numbers())
    wanted = dataclasses.replace(loaded, system=dataclasses.replace(system, id=number))
    registered = register_recipe(data, wanted, model.table)
    return registered.recipe.system, registered.folder, registered.new


def _register_model(data: Path, system: System) -> tuple[System, Path, bool]:
    """A row for a model that knows no crystal, such as one that chooses among labels."""
    with register_lock(data):
        check_free(data, -1, system.name)
        number = add_system(
            data,
            None,
            taken_numbers(),
            lambda number: _row(data, system, number),
            lambda _number, folder: (folder / "models").mkdir(),
        )
    return dataclasses.replace(system, id=number), data / str(number), True


def _row(data: Path, system: System, number: int) -> RegisterRow:
    axis = system.zone_axis
    return RegisterRow(
        number,
        path=stored_path(data, data / str(number)),
        material=system.material,
        composition=system.composition,
        direction=None if axis is None else format_zone_axis(axis),
        thickness_angstrom=10 * system.thickness_nm[1],
        high_tension_kV=system.high_tension_kV,
        convergence_min_mrad=system.convergence_mrad[0],
        convergence_max_mrad=system.convergence_mrad[1],
        mistilt_min_mrad=system.mistilt_mrad[0],
        mistilt_max_mrad=system.mistilt_mrad[1],
    )
