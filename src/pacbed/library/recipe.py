"""Recipes: everything that makes a system's bundle, in one TOML file."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pacbed.bounded import MOST_DESCRIPTION_BYTES, parse_toml, read_bytes
from pacbed.crystal.cif import read_cif
from pacbed.crystal.structure import DEFAULT_B_ISO, Crystal, lattice_from_parameters
from pacbed.errors import CrystalError, RecipeError
from pacbed.lacbed.options import TableOptions
from pacbed.library.system import System
from pacbed.library.zone_axis import three_indices

_T = TypeVar("_T")


@dataclass(frozen=True)
class TrainingOptions:
    """How a network is trained.

    Attributes
    ----------
    samples : int
        Patterns seen in all.
    batch_size : int
    learning_rate : float
        Largest of the one-cycle schedule.
    seed : int
    threads : int
        Processor threads of the training step; 0 leaves torch's choice.
    workers : int
        Processes that synthesise patterns beside it; 0 does so in turn.
    checkpoint_seconds : float
    """

    samples: int = 300_000
    batch_size: int = 256
    learning_rate: float = 2e-3
    seed: int = 0
    threads: int = 1
    workers: int = 1
    checkpoint_seconds: float = 120.0


@dataclass(frozen=True)
class Recipe:
    """A system with its crystal and the options that make its bundle.

    Attributes
    ----------
    path : Path
    system : System
    crystal : Crystal
    table : TableOptions
    training : TrainingOptions
    cif : Path or None
        Where the crystal is from, None where the recipe itself lists the sites.
    b_iso : dict
        Debye–Waller factors B in Å² by element that go before those of the CIF.
    b_iso_error : dict
        Standard errors of Debye–Waller factors in Å² by element, as far as they are stated.
    """

    path: Path
    system: System
    crystal: Crystal
    table: TableOptions = field(default_factory=TableOptions)
    training: TrainingOptions = field(default_factory=TrainingOptions)
    cif: Path | None = None
    b_iso: dict[str, float] = field(default_factory=dict)
    b_iso_error: dict[str, float] = field(default_factory=dict)


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Parameters
    ----------
    path : Path
        A TOML file with the tables ``[system]``, ``[crystal]`` and, optionally,
        ``[table]`` and ``[training]``; see docs/recipes.md.

    Returns
    -------
    Recipe

    Raises
    ------
    RecipeError
        If an entry is missing, wrong or unknown; the message names it.
    CrystalError
        If the structure is unusable.
    """
    path = Path(path)
    try:
        content = parse_toml(read_bytes(path, MOST_DESCRIPTION_BYTES))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except ValueError as error:
        raise RecipeError(f"{path}: is not valid TOML ({error})") from error
    _no_others(path, "the recipe", content, {"system", "crystal", "table", "training"})
    for section in ("system", "crystal"):
        if not isinstance(content.get(section), dict):
            raise RecipeError(f"{path}: has no [{section}]; add it")
    given = content["crystal"]
    crystal = _crystal(path, given)
    return Recipe(
        path=path,
        system=_system(path, content["system"], crystal),
        crystal=crystal,
        table=_options(path, "table", content.get("table", {}), TableOptions),
        training=_options(path, "training", content.get("training", {}), TrainingOptions),
        cif=path.parent / str(given["cif"]) if "cif" in given else None,
        b_iso={k: float(v) for k, v in given.get("b_iso", {}).items()} if "cif" in given else {},
        b_iso_error=_errors(path, given.get("b_iso_error", {})),
    )


def _errors(path: Path, given: Any) -> dict[str, float]:
    """Standard errors of B by element, Å²."""
    try:
        errors = {str(symbol): float(value) for symbol, value in given.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise RecipeError(
            f"{path}: [crystal.b_iso_error] must give standard errors of B in Å² by element"
        ) from error
    for symbol, value in errors.items():
        if not 0 < value <= 20:
            raise RecipeError(
                f"{path}: [crystal.b_iso_error] {symbol} = {value:g} must lie above 0 and at most "
                "at 20 Å²"
            )
    return errors


def _no_others(path: Path, where: str, given: dict[str, Any], known: set[str]) -> None:
    for key in given:
        if key not in known:
            raise RecipeError(
                f"{path}: {where} has the unknown entry {key!r}; "
                f"known are {', '.join(sorted(known))}"
            )


def _options(path: Path, section: str, given: Any, kind: type[_T]) -> _T:
    defaults = dataclasses.asdict(kind())  # type: ignore[call-overload]
    if not isinstance(given, dict):
        raise RecipeError(f"{path}: [{section}] must be a table of entries")
    _no_others(path, f"[{section}]", given, set(defaults))
    values = {}
    for name, entry in given.items():
        value = entry
        default = defaults[name]
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not type(default) or (not isinstance(value, str) and value < 0):
            raise RecipeError(
                f"{path}: [{section}] {name} = {value!r} must be like {default!r} and not negative"
            )
        values[name] = value
    return kind(**values)


def _system(path: Path, given: dict[str, Any], crystal: Crystal) -> System:
    known = {f.name for f in dataclasses.fields(System)}
    _no_others(path, "[system]", given, known)
    missing = known - set(given) - {"composition", "mistilt_mrad"}
    if missing:
        raise RecipeError(f"{path}: [system] lacks {', '.join(sorted(missing))}")
    try:
        ranges = {
            name: (float(given[name][0]), float(given[name][1]))
            for name in ("convergence_mrad", "thickness_nm")
        }
        tilts = given.get("mistilt_mrad", [0.0, 12.0])
        zone = tuple(given["zone_axis"])
        if len(zone) not in (3, 4) or not all(type(number) is int for number in zone):
            raise ValueError("zone_axis needs three whole numbers u, v, w")
        system = System(
            id=given["id"],
            name=str(given["name"]),
            material=str(given["material"]),
            composition=str(given.get("composition", crystal.formula)),
            zone_axis=three_indices(zone),
            high_tension_kV=float(given["high_tension_kV"]),
            mistilt_mrad=(float(tilts[0]), float(tilts[1])),
            **ranges,
        )
    except (TypeError, ValueError, IndexError, CrystalError) as error:
        raise RecipeError(f"{path}: [system] has a wrong value ({error})") from error
    if type(system.id) is not int or system.id < 0:
        raise RecipeError(f"{path}: [system] id must be a whole number from 0 on")
    for name in ("convergence_mrad", "thickness_nm", "mistilt_mrad"):
        low, high = getattr(system, name)
        if not 0 <= low < high:
            raise RecipeError(f"{path}: [system] {name} must be [smallest, largest]")
    if not 10 <= system.known_high_tension_kV <= 3000:
        raise RecipeError(f"{path}: [system] high_tension_kV must lie between 10 and 3000")
    if not system.name.replace("-", "").replace("_", "").isalnum():
        raise RecipeError(f"{path}: [system] name may hold letters, digits, - and _ only")
    return system


def _crystal(path: Path, given: dict[str, Any]) -> Crystal:
    _no_others(path, "[crystal]", given, {"cif", "cell", "atoms", "b_iso", "b_iso_error"})
    b_iso = given.get("b_iso", {})
    if not isinstance(b_iso, dict):
        raise RecipeError(f"{path}: [crystal.b_iso] must give B in Å² by element")
    if "cif" in given:
        name = Path(str(given["cif"]))
        if name.is_absolute() or ".." in name.parts:
            raise RecipeError(f"{path}: [crystal] cif must lie beside the recipe")
        return read_cif(path.parent / name, b_iso)
    if "cell" not in given or not given.get("atoms"):
        raise RecipeError(f"{path}: [crystal] needs cif, or cell and atoms")
    symbols, positions, occupancies, factors = [], [], [], []
    try:
        for atom in given["atoms"]:
            _no_others(path, "an atom", atom, {"element", "position", "occupancy", "b_iso"})
            symbols.append(str(atom["element"]))
            positions.append([float(x) for x in atom["position"]])
            occupancies.append(float(atom.get("occupancy", 1.0)))
            factors.append(float(atom.get("b_iso", b_iso.get(symbols[-1], DEFAULT_B_ISO))))
        cell = lattice_from_parameters(tuple(float(x) for x in given["cell"]))
        return Crystal(
            cell, tuple(symbols), np.array(positions), np.array(occupancies), np.array(factors)
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RecipeError(f"{path}: [crystal] has a wrong entry ({error})") from error
    except CrystalError as error:
        raise CrystalError(f"{path}: {error}") from error
