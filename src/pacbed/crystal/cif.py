"""Crystals from and to CIF files; a crystal in TOML is read as the CIF that it means."""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pacbed.bounded import read_bytes
from pacbed.crystal.cif_checks import check_distances, check_formula, cif_value
from pacbed.crystal.known.as_cif import B_SOURCE_TAG, SOURCE_TAG, crystal_as_cif
from pacbed.crystal.known.entry import parse_crystal
from pacbed.crystal.structure import DEFAULT_B_ISO, Crystal, lattice_from_parameters
from pacbed.errors import CrystalError

_EIGHT_PI_SQUARED = 8 * np.pi**2
#: A larger file, or cell, is none that can be simulated.
_LARGEST_BYTES = 16 * 2**20
_MOST_ATOMS, _MOST_OPERATIONS = 20_000, 192
_NAME_TAGS = ("_chemical_name_common", "_chemical_name_mineral", "_amcsd_formula_title")


def read_cif(path: Path, b_iso: Mapping[str, float] | None = None) -> Crystal:
    """Read a crystal from a CIF.

    Parameters
    ----------
    path : Path
        The CIF; its first block with atom sites is used. Or a TOML file as those of the known
        crystals.
    b_iso : mapping of str to float, optional
        Debye–Waller factor B in Å² by element; goes before the CIF's own values.

    Returns
    -------
    Crystal

    Raises
    ------
    CrystalError
        If the file cannot be read, has no atoms or an unknown element, names a space
        group that is not known, or if atoms fall on each other.

    Warns
    -----
    UserWarning
        If neither `b_iso` nor the CIF gives B of an element: then
        :data:`DEFAULT_B_ISO` is taken. If the cell's content is not the CIF's formula.
    """
    block, small = _read(path)
    for site in small.sites:
        if site.element.atomic_number == 0:
            raise CrystalError(
                f"{path}: site {site.label!r} has an unknown element "
                f"{site.type_symbol!r}; correct _atom_site_type_symbol"
            )
    factors, missing = _debye_waller_of_sites(small.sites, b_iso or {})
    if missing:
        warnings.warn(
            f"{path}: no Debye-Waller factor for {', '.join(sorted(missing))}; B = "
            f"{DEFAULT_B_ISO} Å² is taken. Give it with --b, or in the recipe in [crystal.b_iso].",
            stacklevel=2,
        )
    symbols, positions, occupancies, b_values = [], [], [], []
    images = _operations(path, block, small)
    for site, factor in zip(small.sites, factors, strict=True):
        for position in _distinct_images(images, np.array(site.fract.tolist())):
            symbols.append(site.element.name)
            positions.append(position)
            occupancies.append(site.occ)
            b_values.append(factor)
    cell = small.cell
    try:
        crystal = Crystal(
            lattice_from_parameters((cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma)),
            tuple(symbols),
            np.array(positions),
            np.array(occupancies, float),
            np.array(b_values, float),
        )
    except CrystalError as error:
        raise CrystalError(f"{path}: {error}") from error
    check_distances(path, crystal)
    check_formula(path, block, crystal)
    return crystal


@dataclass(frozen=True)
class CifNotes:
    """What a CIF says beside the structure.

    Attributes
    ----------
    name : str or None
        Common or mineral name of the material.
    formula : str or None
        Its own formula, without spaces, such as ``Al0.3Ga0.7N``.
    elements : tuple of str
        All elements of its sites.
    without_b : frozenset of str
        Elements that have a site without a Debye–Waller factor.
    source, b_source : str or None
        Where the structure, and its Debye–Waller factors, are from; known crystals say it.
    """

    name: str | None
    formula: str | None
    elements: tuple[str, ...]
    without_b: frozenset[str]
    source: str | None = None
    b_source: str | None = None


def read_cif_notes(path: Path) -> CifNotes:
    """Read what a CIF says beside the structure.

    Raises
    ------
    CrystalError
        If the file cannot be read as a CIF.
    """
    block, small = _read(path)
    names = (cif_value(block, tag) for tag in _NAME_TAGS)
    elements = sorted({site.element.name for site in small.sites})
    _, missing = _debye_waller_of_sites(small.sites, {})
    stated = cif_value(block, "_chemical_formula_sum")
    formula = re.sub(r"\s|(?<![0-9.])1(?![0-9.])", "", stated) if stated else None
    name = next(filter(None, names), None)
    return CifNotes(
        name,
        formula,
        tuple(elements),
        frozenset(missing),
        cif_value(block, SOURCE_TAG),
        cif_value(block, B_SOURCE_TAG),
    )


def read_atoms(path: Path) -> tuple[Any, Any]:
    """The block of a CIF that has atoms, and its sites in the order of the file, by gemmi.

    Raises
    ------
    CrystalError
        If the file cannot be read as a CIF.
    """
    block, small = _read(path)
    return block, small.sites


def cif_content(path: Path) -> bytes:
    """A structure file as the bytes of a CIF.

    Raises
    ------
    CrystalError
        If the file cannot be read.
    """
    try:
        # Not by its name: what is no file would be waited for, or read without an end.
        content = read_bytes(path, _LARGEST_BYTES)
    except OSError as error:
        raise CrystalError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if path.suffix.lower() == ".toml":
        return crystal_as_cif(parse_crystal(path, content)).encode()
    return content


def crystal_to_cif(crystal: Crystal, name: str) -> str:
    """Write a crystal as a CIF that lists every site of the cell.

    Parameters
    ----------
    crystal : Crystal
    name : str
        Name of the data block.
    """
    lengths = np.linalg.norm(crystal.cell, axis=1)
    unit = crystal.cell / lengths[:, None]
    angles = [np.rad2deg(np.arccos(np.clip(unit[i] @ unit[j], -1, 1))) for i, j in _SIDES]
    head = [
        f"data_{''.join(c if c.isalnum() or c in '-_' else '_' for c in name)}",
        *(f"_cell_length_{axis} {value:.7f}" for axis, value in zip("abc", lengths, strict=True)),
        *(
            f"_cell_angle_{angle} {value:.7f}"
            for angle, value in zip(("alpha", "beta", "gamma"), angles, strict=True)
        ),
        "_space_group_name_H-M_alt 'P 1'",
        "loop_",
        *(
            f"_atom_site_{column}"
            for column in (
                *("label", "type_symbol", "fract_x", "fract_y", "fract_z"),
                *("occupancy", "B_iso_or_equiv"),
            )
        ),
    ]
    sites = [
        f"{symbol}{number} {symbol} {x:.8f} {y:.8f} {z:.8f} {occupancy:.6f} {b:.6f}"
        for number, (symbol, (x, y, z), occupancy, b) in enumerate(
            zip(
                crystal.symbols,
                crystal.positions,
                crystal.occupancies,
                crystal.b_iso,
                strict=True,
            ),
            start=1,
        )
    ]
    return "\n".join([*head, *sites]) + "\n"


_SIDES = ((1, 2), (0, 2), (0, 1))


def _read(path: Path) -> tuple[Any, Any]:
    """First block of a CIF that has atoms, and its atoms."""
    import gemmi

    content = cif_content(path)
    try:
        for block in gemmi.cif.read_string(content):
            small = gemmi.make_small_structure_from_block(block)
            operations = len(small.symops)
            if operations > _MOST_OPERATIONS or len(small.sites) * max(1, operations) > _MOST_ATOMS:
                raise ValueError(f"{len(small.sites)} atom sites under {operations} operations")
            if len(small.sites):
                return block, small
    except (RuntimeError, ValueError, IndexError) as error:
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CrystalError(f"{path}: cannot be read as a CIF ({line}); check the file") from error
    raise CrystalError(f"{path}: has no atom sites; give a CIF with an _atom_site loop")


def _operations(path: Path, block: Any, small: Any) -> list[Any]:
    """Symmetry operations of a CIF: those that it lists, else those of its space group."""
    import gemmi

    if len(small.symops):
        # The list is what the file means, whatever the name and the choice of origin.
        try:
            return [gemmi.Op(text) for text in small.symops]
        except RuntimeError as error:
            raise CrystalError(
                f"{path}: has a symmetry operation that cannot be read ({error}); correct it"
            ) from error
    group = _space_group(path, block, small)
    return list(group.operations()) if group is not None else [gemmi.Op()]


def _space_group(path: Path, block: Any, small: Any) -> Any:
    """Space group of a CIF that lists no operations; None where nothing says one."""
    import gemmi

    hall = str(small.spacegroup_hall or "").strip()
    group, named = small.spacegroup, str(small.spacegroup_hm or "").strip() or hall
    if group is None and not named:
        number = cif_value(block, "_space_group_IT_number") or cif_value(
            block, "_symmetry_Int_Tables_number"
        )
        if number is None or not number.isdigit():
            return None
        group = gemmi.find_spacegroup_by_number(int(number))
    if group is None:
        raise CrystalError(
            f'{path}: the space group "{named}" is not known; list the symmetry operations '
            "(_space_group_symop_operation_xyz) in the CIF, or export it in P 1"
        )
    if (
        group.ext in ("1", "2")
        and not str(small.spacegroup_hall or "").strip()
        and ":" not in named
    ):
        warnings.warn(
            f"{path}: the space group {group.hm} has two choices of origin, and the CIF does not "
            f"say which: {group.ext} is taken. Check the number of sites.",
            stacklevel=4,
        )
    return group


def _debye_waller_of_sites(sites: Any, b_iso: Mapping[str, float]) -> tuple[list[float], set[str]]:
    """B of each site, Å², and the elements for which nobody gives one."""
    factors: list[float] = []
    missing: set[str] = set()
    for site in sites:
        element = site.element.name
        if element in b_iso:
            factors.append(float(b_iso[element]))
        elif site.u_iso > 0:
            factors.append(_EIGHT_PI_SQUARED * site.u_iso)
        elif site.aniso.nonzero():
            trace = (site.aniso.u11 + site.aniso.u22 + site.aniso.u33) / 3
            factors.append(_EIGHT_PI_SQUARED * trace)
        else:
            missing.add(element)
            factors.append(DEFAULT_B_ISO)
    return factors, missing


def _distinct_images(operations: list[Any], position: np.ndarray) -> list[np.ndarray]:
    """All images of a site under the space group, each once (tolerance 1e-3)."""
    images: list[np.ndarray] = []
    for operation in operations:
        image = np.mod(np.array(operation.apply_to_xyz(position.tolist())), 1.0)
        distances = [np.abs((image - other + 0.5) % 1.0 - 0.5).max() for other in images]
        if not distances or min(distances) > 1e-3:
            images.append(image)
    return images
