"""Tables against measured LACBED disks, and answers to patterns put together from them.

    python benchmarks/measured_lacbed.py ../shared/experimental/linbo3_lacbed

FOLDER holds ``disks.npz`` (see ``measured_disks.py``). By default it is LiNbO3 along [1-10] at
200 kV; another set is given by ``--cif``, ``--zone-axis`` and so on. Three parts (``--parts``):

(always)
    every disk against the table at one thickness, one half width and one scale, of the structure
    and of the inverted one; with the zone axis in the middle of the arrays, and where it is found
factors
    the Debye–Waller factors that the disks ask for; errors from leaving out groups of disks
patterns
    patterns of several apertures and tilts, turned, moved and resized, asked of
    ``pacbed.open_crystal`` with the convergence angle and without the camera length
twin
    the same from the table's own disks, cut to the same reflections: what the answers owe to
    reflections that were not measured
completed
    the measured disks with those that were not measured from the table
"""

import argparse
import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from measured_disks import ABSENT, Disks, completed, inverted, put_together, table_disks, twin
from scipy.optimize import minimize

from pacbed import open_crystal
from pacbed.crystal.cif import read_cif
from pacbed.crystal.projection import ProjectedCell, project
from pacbed.crystal.structure import Crystal
from pacbed.errors import PacbedError
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.sampling import choose_sampling
from pacbed.library.zone_axis import parse_zone_axis

LINBO3 = """data_LiNbO3
_cell_length_a 5.1376
_cell_length_b 5.1376
_cell_length_c 13.8497
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
_space_group_name_H-M_alt 'R 3 c'
_space_group_IT_number 161
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_B_iso_or_equiv
Nb1 Nb 0 0 0 1 0.28
Li1 Li 0 0 0.2916 0.95 0.56
Mg1 Mg 0 0 0.2916 0.05 0.56
O1 O 0.3976 0.3744 0.2297 1 0.56
"""
PARTS = ["factors", "patterns", "twin", "completed"]
#: Disks are compared inside this share of their half width.
REACH = 0.93
#: Tilts asked at each aperture, as shares of what the disks hold: lengths and directions.
TILTS = ((0.15, 200.0), (0.5, 20.0), (0.9, 140.0))
#: Electrons that are added as noise, and the frame.
DOSE, SIZE = 1e7, 256
#: Steps of the factors, Å², and of the absorption, by which derivatives are taken.
STEP_B = 0.1


@dataclass(frozen=True)
class Specimen:
    """What was measured."""

    cif: Path
    crystal: Crystal
    cell: ProjectedCell
    axis: str
    kV: float
    disks: Disks
    thickness_nm: tuple[float, float]

    def table(self, cell: ProjectedCell, share: float = REACH):
        """A table that holds every disk to a share of its half width."""
        reach = self.disks.half_width_mrad * share * 1.03
        lengths = np.linalg.norm(self.disks.angles(self.crystal, self.cell, self.kV), axis=1)
        longest = max(float(lengths.max()), ABSENT * reach)
        thickest = self.thickness_nm[1] + 2
        options = choose_sampling(cell, self.kV, (reach, reach), 0.1, thickest)
        options = replace(options, field=(longest + reach) / reach + 0.05, quantum=1e-3)
        return simulate_table(cell, self.kV, reach, 0.1, thickest, options)

    def compare(self, cell: ProjectedCell, thicknesses) -> "Compared":
        """The disks of a cell's table and those that were measured, in the same directions."""
        beams = self.disks.beams(self.crystal, self.cell)
        reach = self.disks.half_width_mrad * REACH
        directions, values = table_disks(self.table(cell), beams, thicknesses, reach)
        return Compared(self, thicknesses, directions, values)


@dataclass(frozen=True)
class Compared:
    """Disks of a table: thicknesses (T,), directions (K, 2) and values (T, G, K)."""

    specimen: Specimen
    thicknesses: np.ndarray
    directions: np.ndarray
    values: np.ndarray

    def measured(self, disks: Disks) -> np.ndarray:
        """What was measured there, shape (G, K)."""
        return np.stack([disks.at(n, self.directions) for n in range(len(disks.indices))])

    def at(self, thickness_nm: float) -> np.ndarray:
        """The disks at a thickness between two, shape (G, K)."""
        place = np.interp(thickness_nm, self.thicknesses, np.arange(len(self.thicknesses)))
        low = min(int(place), len(self.thicknesses) - 2)
        return self.values[low] + (place - low) * (self.values[low + 1] - self.values[low])

    def best(self, centred: bool) -> tuple[float, Disks, float]:
        """Thickness, disks and the share that is left.

        The half width is looked for, and where the zone axis lies unless it is `centred`.
        """
        given = self.specimen.disks

        def disks_at(x) -> Disks:
            place = (0.0, 0.0) if centred else (float(x[2]), float(x[3]))
            return replace(given, half_width_mrad=float(x[1]), centre_mrad=place)

        def rest(x) -> float:
            return left(self.measured(disks_at(x)), self.at(x[0]))

        measured = self.measured(given)
        first = self.thicknesses[np.argmin([left(measured, one) for one in self.values])]
        start = np.array([first, given.half_width_mrad, 0.0, 0.0])[: 2 if centred else 4]
        steps = np.array([1.0, 0.1, 0.1, 0.1])[: len(start)]
        simplex = np.concatenate([start[None], start + np.diag(steps)])
        options = {"initial_simplex": simplex, "xatol": 0.01, "fatol": 1e-6}
        found = minimize(rest, start, method="Nelder-Mead", options=options)
        return float(found.x[0]), disks_at(found.x), float(found.fun)


def root(values: np.ndarray) -> np.ndarray:
    """Square root, in which weak and strong disks weigh alike."""
    return np.sqrt(np.maximum(values, 0))


def left(measured: np.ndarray, table: np.ndarray) -> float:
    """Share that one scale for all leaves of the measurement's amplitudes."""
    a, b = root(measured).ravel(), root(table).ravel()
    return float(1 - (a @ b) ** 2 / (a @ a) / (b @ b))


def correlations(measured: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Of each disk."""
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(measured, table, strict=True)])


def disks_part(specimen: Specimen) -> tuple[float, Disks]:
    """Print every disk against the table; give the thickness and the disks as they lie."""
    low, high = specimen.thickness_nm
    thicknesses = np.arange(low, high + 0.1, 0.5)
    found = {}
    for name, cell in (("structure", specimen.cell), ("inverted", inverted(specimen.cell))):
        compared = specimen.compare(cell, thicknesses)
        for centred in (True, False):
            thickness, disks, rest = compared.best(centred)
            measured = compared.measured(disks)
            values = correlations(measured, compared.at(thickness))
            strong = np.argsort(-measured.mean(axis=1))[:20]
            x, y = disks.centre_mrad
            print(
                f"{name}: {thickness:.2f} nm, half width {disks.half_width_mrad:.3f} mrad, zone "
                f"axis {'taken' if centred else 'found'} at {x:+.3f}, {y:+.3f} mrad; left of the "
                f"amplitudes {rest:.4f}; correlation by disk: least {values.min():.3f}, median "
                f"{np.median(values):.3f}, of the 20 strongest {np.median(values[strong]):.3f}",
                flush=True,
            )
        found[name] = thickness, disks, values
    (thickness, disks, values), (_, _, others) = found["structure"], found["inverted"]
    print(f"better than inverted: {(values > others).sum()} of {len(values)} disks")
    for index, value, other in zip(disks.indices, values, others, strict=True):
        print(f"  {index[0]:+d}{index[1]:+d}{index[2]:+d} {value:.3f} (inverted {other:.3f})")
    return thickness, disks


def factors_part(specimen: Specimen, thickness: float, disks: Disks) -> None:
    """Print the Debye–Waller factors that the disks ask for, and what they do to the thickness."""
    cell = specimen.cell
    near = np.arange(thickness - 3, thickness + 3.1, 0.5)
    base = specimen.compare(cell, near)
    measured = root(base.measured(disks))
    start = root(base.at(thickness))
    names = [name for name in dict.fromkeys(cell.symbols) if name != "Mg"]
    parts = {"thickness": root(base.at(thickness + 0.5)) - root(base.at(thickness - 0.5))}
    width, places = disks.half_width_mrad, np.array(disks.centre_mrad)
    changes = {
        "half width": (replace(disks, half_width_mrad=w) for w in (width * 1.005, width * 0.995))
    }
    for axis, step in (("x", (0.05, 0.0)), ("y", (0.0, 0.05))):
        ends = (tuple(map(float, places + sign * np.array(step))) for sign in (1, -1))
        changes[axis] = (replace(disks, centre_mrad=end) for end in ends)
    for name, (high, low) in changes.items():
        parts[name] = root(base.measured(low)) - root(base.measured(high))
    for name in names:
        changed = np.array(
            [b + STEP_B * (s == name) for s, b in zip(cell.symbols, cell.b_iso, strict=True)]
        )
        other = specimen.compare(replace(cell, b_iso=changed), near)
        parts[name] = root(other.at(thickness)) - start
    design = np.stack([start, *parts.values()], axis=-1)
    # Disks that were averaged by symmetry stand and fall together.
    groups = np.unique(np.abs(specimen.disks.indices), axis=0, return_inverse=True)[1].ravel()

    def solve(kept):
        columns = design[kept].reshape(-1, design.shape[-1])
        scale, *moves = np.linalg.lstsq(columns, measured[kept].ravel(), rcond=None)[0]
        return np.array(moves) / scale

    whole = solve(np.ones(len(groups), bool))
    count = groups.max() + 1
    without = np.array([solve(groups != n) for n in range(count)])
    error = np.sqrt((count - 1) / count * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    print(f"thickness {thickness + whole[0]:.2f} ± {error[0]:.2f} nm with all factors free")
    for name, move, wide in zip(names, whole[4:], error[4:], strict=True):
        stated = cell.b_iso[cell.symbols.index(name)]
        print(
            f"B of {name}: {stated + STEP_B * move:.2f} ± {STEP_B * wide:.2f} Å², stated "
            f"{stated:.2f}"
        )


def patterns_part(
    specimen: Specimen, disks: Disks, angles: np.ndarray, seed: int, apertures: list[float]
) -> None:
    """Print the answers to patterns that were put together from disks at some angles."""
    rows = []
    for aperture in apertures:
        predictor = open_crystal(
            specimen.cif, zone_axis=specimen.axis, high_tension_kV=specimen.kV,
            convergence_mrad=aperture, thickness_max_nm=specimen.thickness_nm[1],
        )  # fmt: skip
        room = disks.half_width_mrad - np.abs(disks.centre_mrad).max() - aperture
        for number, (share, direction) in enumerate(TILTS):
            rng = np.random.default_rng([seed, round(10 * aperture), number])
            way = np.array([math.cos(math.radians(direction)), math.sin(math.radians(direction))])
            tilt = min(share * room / np.abs(way).max(), 6.0) * way
            turn, radius = rng.uniform(-180, 180), rng.uniform(0.18, 0.3) * SIZE
            radius *= min(1.0, aperture / 14)
            centre = (SIZE - 1) / 2 + rng.uniform(-6, 6, 2)
            image = put_together(
                disks, angles, aperture, tilt, turn, aperture / radius, SIZE, centre
            )
            counts = rng.poisson(image / image.sum() * DOSE).astype(np.float32)
            rows.append(asked(predictor, counts, aperture, tilt, turn))
    thickness = np.median([row[0] for row in rows])
    good = [abs(r[0] / thickness - 1) < 0.01 and r[1] < 0.15 and abs(r[2]) < 0.5 for r in rows]
    spread = np.array([row[0] for row in rows]) / thickness - 1
    print(
        f"{sum(good)} of {len(rows)} within 1 % of {thickness:.2f} nm, 0.15 mrad and 0.5° "
        f"(thickness {sum(np.abs(spread) < 0.01)}, tilt {sum(r[1] < 0.15 for r in rows)}, "
        f"rotation {sum(abs(r[2]) < 0.5 for r in rows)})"
    )


def asked(predictor, counts, aperture, tilt, turn) -> tuple[float, float, float]:
    """Print one answer; give thickness, error of the tilt vector (mrad) and of the rotation (°)."""
    angle = math.radians(turn)
    shown = tilt @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    asked_for = f"{aperture:4.1f} mrad, mistilt {np.hypot(*tilt):.2f} mrad"
    try:
        found = predictor.infer(counts, aperture)
    except PacbedError as error:
        print(f"{asked_for}: {error}", flush=True)
        return math.nan, math.inf, math.inf
    off = math.hypot(found.tilt_x_mrad - shown[0], found.tilt_y_mrad - shown[1])
    turned = math.remainder(found.rotation_deg - turn, 360.0 / predictor.order)
    print(
        f"{asked_for}: {found.thickness_nm:.2f} ± {found.thickness_std_nm:.2f} nm, tilt off by "
        f"{off:.3f} mrad (± {found.tilt_std_mrad:.3f}), rotation by {turned:+.2f}°, "
        f"{found.status}, structure left {found.basis.structured_residual:.3f}, "
        f"{found.convergence_mrad or math.nan:.2f} mrad found",
        flush=True,
    )
    return found.thickness_nm, off, turned


def main() -> None:
    """Compare, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="holds disks.npz")
    parser.add_argument("--cif", type=Path, help="the structure; LiNbO3 by default")
    parser.add_argument("--zone-axis", default="1 -1 0")
    parser.add_argument("--high-tension", type=float, default=200.0, help="kV")
    parser.add_argument("--half-width", type=float, default=18.2, help="of an array, about, mrad")
    parser.add_argument("--thickness", type=float, nargs=2, default=(105.0, 135.0), help="nm")
    parser.add_argument("--apertures", type=float, nargs="*", default=[8.0, 11.0, 14.0, 17.0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--seed", type=int, default=20261126)
    given = parser.parse_args()
    path = given.folder / "disks.npz"
    if not path.is_file():
        raise SystemExit(f"{path}: is not there; give the folder of a measured LACBED set")
    with tempfile.TemporaryDirectory() as folder:
        cif = given.cif or Path(folder) / "LiNbO3.cif"
        if given.cif is None:
            cif.write_text(LINBO3, encoding="utf-8")
        crystal = read_cif(cif)
        cell = project(crystal, parse_zone_axis(given.zone_axis))
        specimen = Specimen(
            cif, crystal, cell, given.zone_axis, given.high_tension,
            Disks.load(path, given.half_width), tuple(given.thickness),
        )  # fmt: skip
        thickness, disks = disks_part(specimen)
        if "factors" in given.parts:
            factors_part(specimen, thickness, disks)
        angles = disks.angles(crystal, cell, given.high_tension)
        sets = {"patterns": (disks, angles)}
        if {"twin", "completed"} & set(given.parts):
            table = specimen.table(cell, 1.4)
            beams = disks.beams(crystal, cell)
            sets["twin"] = twin(disks, table, beams, thickness), angles
            sets["completed"] = completed(disks, angles, table, beams, thickness)
        for name in (name for name in PARTS[1:] if name in given.parts):
            print(f"{name}:")
            patterns_part(specimen, *sets[name], given.seed, given.apertures)


if __name__ == "__main__":
    main()
