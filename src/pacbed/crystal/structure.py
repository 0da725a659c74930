"""Crystal structures: from a CIF or a list of sites to plain arrays."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pacbed.errors import CrystalError, MissingExtraError

#: Debye–Waller factor B in Å² of an atom for which nobody gives one: the middle of
#: the room-temperature values of most oxides and semiconductors (0.3 to 0.8).
DEFAULT_B_ISO = 0.5

_EIGHT_PI_SQUARED = 8 * np.pi**2

_SYMBOLS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge "
    "As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm "
    "Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th "
    "Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr"
)
#: Elements that have scattering factors (Lobato & Van Dyck 2014).
ELEMENTS = frozenset(_SYMBOLS.split())


@dataclass(frozen=True)
class Crystal:
    """A crystal structure with all sites of its conventional cell.

    Attributes
    ----------
    cell : ndarray, shape (3, 3)
        Lattice vectors as rows, Å.
    symbols : tuple of str
        Chemical symbol of each site.
    positions : ndarray, shape (n, 3)
        Fractional coordinates.
    occupancies : ndarray, shape (n,)
        Share of the site that is filled, 0 < occupancy ≤ 1.
    b_iso : ndarray, shape (n,)
        Isotropic Debye–Waller factor B = 8π²⟨u²⟩ of each site, Å².

    Raises
    ------
    CrystalError
        If arrays disagree in length or hold impossible values.
    """

    cell: np.ndarray
    symbols: tuple[str, ...]
    positions: np.ndarray
    occupancies: np.ndarray
    b_iso: np.ndarray

    def __post_init__(self) -> None:
        n = len(self.symbols)
        if n == 0:
            raise CrystalError("the crystal has no atoms; give at least one site")
        unknown = sorted(set(self.symbols) - ELEMENTS)
        if unknown:
            raise CrystalError(f"unknown element {unknown[0]!r}; give chemical symbols such as Ti")
        if self.positions.shape != (n, 3) or self.occupancies.shape != (n,):
            raise CrystalError("each site needs one symbol, position and occupancy")
        if self.cell.shape != (3, 3) or abs(np.linalg.det(self.cell)) < 1e-3:
            raise CrystalError("the cell needs three independent lattice vectors")
        if np.any(self.occupancies <= 0) or np.any(self.occupancies > 1.0 + 1e-6):
            raise CrystalError("occupancies must lie above 0 and at most at 1")
        if np.any(self.b_iso < 0) or np.any(self.b_iso > 20):
            raise CrystalError("Debye-Waller factors B must lie between 0 and 20 Å²")

    @property
    def volume(self) -> float:
        """Volume of the cell, Å³."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def formula(self) -> str:
        """Content of the cell as a reduced formula, Hill order."""
        counts: dict[str, float] = {}
        for symbol, occupancy in zip(self.symbols, self.occupancies, strict=True):
            counts[symbol] = counts.get(symbol, 0.0) + float(occupancy)
        smallest = min(counts.values())
        return "".join(
            f"{symbol}{'' if abs(count / smallest - 1) < 0.01 else f'{count / smallest:g}'}"
            for symbol, count in counts.items()
        )


def lattice_from_parameters(parameters: tuple[float, ...]) -> np.ndarray:
    """Lattice vectors (rows, Å) from a, b, c in Å and α, β, γ in degrees."""
    a, b, c = parameters[:3]
    alpha, beta, gamma = np.deg2rad(parameters[3:6])
    if min(a, b, c) <= 0:
        raise CrystalError("the cell lengths a, b, c must be positive (Å)")
    cos_a, cos_b, cos_g, sin_g = np.cos(alpha), np.cos(beta), np.cos(gamma), np.sin(gamma)
    c_y = (cos_a - cos_b * cos_g) / sin_g
    squared = 1 - cos_b**2 - c_y**2
    if not squared > 0:
        raise CrystalError("the cell angles alpha, beta, gamma do not close a cell")
    return np.array(
        [[a, 0, 0], [b * cos_g, b * sin_g, 0], [c * cos_b, c * c_y, c * np.sqrt(squared)]]
    )


def read_cif(path: Path, b_iso: Mapping[str, float] | None = None) -> Crystal:
    """Read a crystal from a CIF.

    Parameters
    ----------
    path : Path
        The CIF; its first block with atom sites is used.
    b_iso : mapping of str to float, optional
        Debye–Waller factor B in Å² by element; goes before the CIF's own values.

    Returns
    -------
    Crystal

    Raises
    ------
    CrystalError
        If the file cannot be read, has no atoms or an unknown element.
    MissingExtraError
        If gemmi is not installed.

    Warns
    -----
    UserWarning
        If neither `b_iso` nor the CIF gives B of an element: then
        :data:`DEFAULT_B_ISO` is taken.
    """
    try:
        import gemmi
    except ImportError as error:
        raise MissingExtraError(
            "reading a CIF needs gemmi: pip install 'pacbed-cnn[sim]'"
        ) from error
    try:
        document = gemmi.cif.read(str(path))
        small = next(
            (
                structure
                for structure in map(gemmi.make_small_structure_from_block, document)
                if len(structure.sites)
            ),
            None,
        )
    except (RuntimeError, ValueError, OSError, IndexError) as error:
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CrystalError(f"{path}: cannot be read as a CIF ({line}); check the file") from error
    if small is None:
        raise CrystalError(f"{path}: has no atom sites; give a CIF with an _atom_site loop")
    for site in small.sites:
        if site.element.atomic_number == 0:
            raise CrystalError(
                f"{path}: site {site.label!r} has an unknown element "
                f"{site.type_symbol!r}; correct _atom_site_type_symbol"
            )
    factors = _debye_waller_of_sites(path, small.sites, b_iso or {})
    symbols, positions, occupancies, b_values = [], [], [], []
    images = small.spacegroup.operations() if small.spacegroup else gemmi.GroupOps([gemmi.Op()])
    for site, factor in zip(small.sites, factors, strict=True):
        for position in _distinct_images(images, np.array(site.fract.tolist())):
            symbols.append(site.element.name)
            positions.append(position)
            occupancies.append(site.occ)
            b_values.append(factor)
    cell = small.cell
    lattice = lattice_from_parameters((cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma))
    return Crystal(
        lattice,
        tuple(symbols),
        np.array(positions),
        np.array(occupancies, float),
        np.array(b_values, float),
    )


def _debye_waller_of_sites(path, sites, b_iso: Mapping[str, float]) -> list[float]:  # type: ignore[no-untyped-def]
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
    if missing:
        warnings.warn(
            f"{path}: no Debye-Waller factor for {', '.join(sorted(missing))}; B = "
            f"{DEFAULT_B_ISO} Å² is taken. Give [crystal.b_iso] in the recipe.",
            stacklevel=3,
        )
    return factors


def _distinct_images(operations, position: np.ndarray) -> list[np.ndarray]:  # type: ignore[no-untyped-def]
    """All images of a site under the space group, each once (tolerance 1e-3)."""
    images: list[np.ndarray] = []
    for operation in operations:
        image = np.mod(np.array(operation.apply_to_xyz(position.tolist())), 1.0)
        distances = [np.abs((image - other + 0.5) % 1.0 - 0.5).max() for other in images]
        if not distances or min(distances) > 1e-3:
            images.append(image)
    return images
