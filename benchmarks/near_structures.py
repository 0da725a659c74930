"""Near structures: which are told apart, which are not, and what the thickness is off by then.

    python benchmarks/near_structures.py [NAMES ...] [--each 12] [--seed 20261127]

Patterns (10 to 60 nm, 14 to 16 mrad, tilts to 4 mrad, 1e6 electrons) of a crystal that is not quite
the one asked for: strained by 2 %, with 10 % of another element, of another polytype, at another
voltage. Each is asked of the system of the nominal crystal, and of its own, without the camera
length and with it. Printed are the statuses, how far the nominal system's thickness is off, and how
often the crystal's own system leaves less (as ``pacbed infer --candidates`` ranks them).
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import pacbed
from pacbed.crystal.structure import Crystal, lattice_from_parameters
from pacbed.errors import PacbedError
from pacbed.own_crystal.conditions import crystal_conditions
from pacbed.own_crystal.understood import understand
from pacbed.pattern.detector import apply_effects, perfect_detector
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

SIZE, PIXELS, DOSE, CONVERGENCE_MRAD = 160, 50.0, 1e6, 15.0
COLUMNS = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "adp_type",
           "B_iso_or_equiv")  # fmt: skip
#: Name, zone axis, voltage and what may stand for which element.
NOMINAL = {
    "SrTiO3": ("0 0 1", 200.0, ("Sr", "Ba")),
    "GaN": ("1 1 -2 0", 200.0, ("Ga", "Al")),
    "GaAs": ("1 1 0", 200.0, ("Ga", "In")),
    "Si": ("1 1 0", 200.0, ("Si", "Ge")),
}


@dataclass(frozen=True)
class Changed:
    """A crystal that is not quite the nominal one."""

    words: str
    crystal: Crystal
    zone_axis: str
    high_tension_kV: float


def changed(name: str, nominal: Crystal) -> Iterator[Changed]:
    axis, voltage, (element, other) = NOMINAL[name]
    yield Changed("itself", nominal, axis, voltage)
    for share in (0.005, 0.02):
        larger = replace(nominal, cell=nominal.cell * (1 + share))
        yield Changed(f"strained by {share:.1%}, all axes", larger, axis, voltage)
    stretch = np.diag([1.0, 1.0, 1.02])
    yield Changed("c longer by 2 %", replace(nominal, cell=stretch @ nominal.cell), axis, voltage)
    for share in (0.1, 0.3):
        mixed = _mixed(nominal, element, other, share)
        yield Changed(f"{share:.0%} of {element} is {other}", mixed, axis, voltage)
    for factor in (0.5, 1.5):
        moving = replace(nominal, b_iso=nominal.b_iso * factor)
        yield Changed(f"Debye-Waller factors x {factor}", moving, axis, voltage)
    for kV in (180.0, 300.0):
        yield Changed(f"at {kV:.0f} kV", nominal, axis, kV)
    if name == "GaN":
        yield Changed("zinc blende [110]", _zinc_blende("Ga", "N", 4.50), "1 1 0", voltage)


def _mixed(crystal: Crystal, element: str, other: str, share: float) -> Crystal:
    """A share of the sites of an element has another one."""
    there = np.array([symbol == element for symbol in crystal.symbols])
    return replace(
        crystal,
        symbols=(*crystal.symbols, *(other for _ in range(int(there.sum())))),
        positions=np.concatenate([crystal.positions, crystal.positions[there]]),
        occupancies=np.concatenate(
            [np.where(there, 1 - share, crystal.occupancies), np.full(int(there.sum()), share)]
        ),
        b_iso=np.concatenate([crystal.b_iso, crystal.b_iso[there]]),
    )


def _zinc_blende(cation: str, anion: str, length: float) -> Crystal:
    faces = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    return Crystal(
        lattice_from_parameters((length,) * 3 + (90.0,) * 3), (cation,) * 4 + (anion,) * 4,
        np.concatenate([faces, faces + 0.25]), np.ones(8), np.array([0.3] * 4 + [0.35] * 4),
    )  # fmt: skip


def opened(one: Changed, folder: Path, number: int):
    """A predictor for a crystal, by a structure file without symmetry."""
    cell = one.crystal.cell
    lengths = np.linalg.norm(cell, axis=1)
    unit = cell / lengths[:, None]
    angles = [np.degrees(np.arccos(unit[i] @ unit[j])) for i, j in ((1, 2), (0, 2), (0, 1))]
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines = [f"data_changed_{number}"]
    lines += [f"_cell_{n} {v:.6f}" for n, v in zip(names, (*lengths, *angles), strict=True)]
    lines += ["_space_group_name_H-M_alt 'P 1'", "loop_", "_space_group_symop_operation_xyz"]
    lines += ["x,y,z", "loop_", *(f"_atom_site_{name}" for name in COLUMNS)]
    c = one.crystal
    for atom, (symbol, place, share, b) in enumerate(
        zip(c.symbols, c.positions, c.occupancies, c.b_iso, strict=True)
    ):
        x, y, z = np.mod(place, 1)
        lines.append(f"{symbol}{atom} {symbol} {x:.6f} {y:.6f} {z:.6f} {share:g} Biso {b:.4f}")
    path = folder / f"changed-{number}.cif"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return pacbed.open_crystal(
        path, zone_axis=one.zone_axis, high_tension_kV=one.high_tension_kV,
        convergence_mrad=CONVERGENCE_MRAD, thickness_max_nm=75.0, mistilt_max_mrad=6.0, cache=False,
    )  # fmt: skip


def patterns(table, each: int, rng) -> Iterator[tuple[np.ndarray, PatternParameters, float]]:
    for _ in range(each):
        alpha, radius = rng.uniform(0.92, 1.08) * CONVERGENCE_MRAD, PIXELS * rng.uniform(0.9, 1.05)
        tilt, azimuth = 4 * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        truth = PatternParameters(
            rng.uniform(10, 60), tilt * np.cos(azimuth), tilt * np.sin(azimuth), alpha,
            alpha / radius, rng.uniform(-180, 180), *((SIZE - 1) / 2 + rng.normal(0, 1.5, 2)),
        )  # fmt: skip
        clean = np.maximum(synthesise(table, truth, (SIZE, SIZE)), 0)
        clean = (clean / clean.max()).astype(np.float32)
        detector = perfect_detector(1, dose=DOSE, blur_px=0.5, read_noise=0.005, offset=0.02)
        yield apply_effects(clean[None], detector, rng)[0], truth, alpha


def ask(predictor, image, alpha, scale):
    try:
        return predictor.infer(image, alpha, scale)
    except PacbedError:
        return None


def measure(name: str, each: int, seed: int, folder: Path) -> None:
    axis, voltage, _ = NOMINAL[name]
    nominal = understand(crystal_conditions(name, axis, voltage, CONVERGENCE_MRAD)).crystal
    asked = None
    print(f"{name} [{axis}] {voltage:.0f} kV")
    for number, one in enumerate(changed(name, nominal)):
        own = opened(one, folder, number)
        asked = asked or own
        for known in (False, True):
            rng = np.random.default_rng([seed, number])
            statuses: Counter[str] = Counter()
            off, ok_off, told = [], [], []
            for image, truth, alpha in patterns(own.bundle.table, each, rng):
                scale = truth.mrad_per_pixel if known else None
                found = ask(asked, image, alpha, scale)
                statuses["refused" if found is None else found.status] += 1
                if found is None:
                    continue
                off.append(found.thickness_nm - truth.thickness_nm)
                if found.status == "ok":
                    ok_off.append(off[-1] / truth.thickness_nm)
                if number:
                    right = ask(own, image, alpha, scale)
                    if right is not None:
                        told.append(
                            right.basis.structured_residual < found.basis.structured_residual
                        )
            shares = ", ".join(f"{status} {count}" for status, count in statuses.most_common())
            print(
                f"  {one.words:32} scale {'known' if known else 'free '}: {shares}; thickness off "
                f"{_median(off)} nm, of those ok {_percent(ok_off)}; its own leaves "
                f"less {np.mean(told) if told else float('nan'):.0%}",
                flush=True,
            )


def _median(values: list[float]) -> str:
    return f"{np.median(np.abs(values)):.2f}" if values else "-"


def _percent(values: list[float]) -> str:
    return f"{np.median(np.abs(values)):.1%} (bias {np.median(values):+.1%})" if values else "-"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=list(NOMINAL))
    parser.add_argument("--each", type=int, default=12)
    parser.add_argument("--seed", type=int, default=20261127)
    given = parser.parse_args()
    print(f"pacbed {pacbed.__version__}, seed {given.seed}, {given.each} patterns each")
    with tempfile.TemporaryDirectory() as folder:
        for name in given.names:
            measure(name, given.each, given.seed, Path(folder))


if __name__ == "__main__":
    main()
