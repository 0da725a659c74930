"""A known crystal as a CIF, which every program reads, with its sources."""

import re

from pacbed.crystal.known.entry import KnownCrystal
from pacbed.errors import CrystalError

#: Data names of our own for what CIF has none for.
SOURCE_TAG, B_SOURCE_TAG = "_pacbed_structure_source", "_pacbed_debye_waller_source"
_COLUMNS = (
    "label",
    "type_symbol",
    "fract_x",
    "fract_y",
    "fract_z",
    "occupancy",
    "B_iso_or_equiv",
)


def crystal_as_cif(crystal: KnownCrystal) -> str:
    """Write a crystal as a CIF that lists its symmetry operations.

    Parameters
    ----------
    crystal : KnownCrystal

    Raises
    ------
    CrystalError
        If its space group is not known.
    """
    import gemmi

    group = gemmi.find_spacegroup_by_name(crystal.space_group)
    if group is None:
        raise CrystalError(
            f'{crystal.name}: the space group "{crystal.space_group}" is not known; write it like '
            '"P 63 m c"'
        )
    angles = zip(("alpha", "beta", "gamma"), crystal.cell[3:], strict=True)
    lines = [
        f"data_{''.join(c if c.isalnum() or c in '-_' else '_' for c in crystal.name)}",
        f"_chemical_name_common {_quoted(crystal.title)}",
        f"_chemical_formula_sum {_quoted(_spaced(crystal.formula))}",
        f"{SOURCE_TAG} {_quoted(crystal.source)}",
        f"{B_SOURCE_TAG} {_quoted(crystal.b_source)}",
        *(
            f"_cell_length_{axis} {value:.7g}"
            for axis, value in zip("abc", crystal.cell[:3], strict=True)
        ),
        *(f"_cell_angle_{angle} {value:.7g}" for angle, value in angles),
        f"_space_group_name_H-M_alt {_quoted(group.xhm())}",
        f"_space_group_IT_number {group.number}",
        "loop_",
        "_space_group_symop_operation_xyz",
        *(_quoted(operation.triplet()) for operation in group.operations()),
        "loop_",
        *(f"_atom_site_{column}" for column in _COLUMNS),
    ]
    for number, site in enumerate(crystal.sites, start=1):
        x, y, z = site.position
        lines.append(
            f"{site.element}{number} {site.element} {x:.9f} {y:.9f} {z:.9f} "
            f"{site.occupancy:.6g} {site.b_iso:.6g}"
        )
    return "\n".join(lines) + "\n"


def _spaced(formula: str) -> str:
    return re.sub(r"(?<=[a-z0-9A-Z])(?=[A-Z])", " ", formula)


def _quoted(text: str) -> str:
    """A text of one line as CIF writes it: between lines of semicolons, where any mark may be."""
    return f"'{text}'" if "'" not in text else f"\n;{text}\n;"
