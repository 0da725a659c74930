"""Where phonons send electrons: frozen phonons against what the table says of it.

    python benchmarks/bias/phonons.py [NAMES ...] [--thicknesses 10 22 34 46 58]

Of each known crystal a convergent beam is simulated by the reference engine, and the diffuse part
(all less the mean wave) taken inside the bright-field disk. Printed is how much of its structure
beside an offset and two broad hills is explained by A(−p; t), see ``pacbed.lacbed.lost``, and by
A(p; t): of polar crystals the first alone is right.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pacbed.crystal.known.catalogue import known_crystals
from pacbed.crystal.projection import project
from pacbed.infer.fit.linear import backgrounds
from pacbed.lacbed.build import simulate_table
from pacbed.lacbed.options import TableOptions
from pacbed.lacbed.table import LacbedTable
from pacbed.own_crystal.conditions import crystal_conditions
from pacbed.own_crystal.understood import understand
from pacbed.reference import ReferenceOptions
from pacbed.reference.configurations import deal
from pacbed.reference.engine import make_engine
from pacbed.reference.intensities import parts_of
from pacbed.reference.simulation import _on_pixels, _scans

CONVERGENCE_MRAD, TILT_MRAD, HIGH_TENSION_KV = 16.0, (2.0, -1.0), 200.0
#: Points in a semi-angle; the disk is looked at to this share of it.
POINTS, INSIDE = 16, 0.95
SEED = 20261127


def diffuse(crystal, zone_axis, thicknesses_nm) -> tuple[np.ndarray, np.ndarray, float]:
    """Diffuse patterns [thickness, row, column], thicknesses, and mrad per pixel."""
    options = ReferenceOptions(
        HIGH_TENSION_KV, CONVERGENCE_MRAD, tuple(thicknesses_nm), *TILT_MRAD,
        configurations=48, sampling_A=0.13, max_angle_mrad=1.1 * CONVERGENCE_MRAD, seed=SEED,
        resolution_mrad=CONVERGENCE_MRAD / POINTS, deal_positions=True,
    )  # fmt: skip
    engine = make_engine(crystal, zone_axis, options)
    positions, places = _scans(engine)
    total: np.ndarray | float = 0.0
    for share in deal(engine, places):
        generator = np.random.default_rng([SEED, share.configuration])
        found = parts_of(engine, positions[share.places], generator)
        total = total + np.array([parts.diffuse.sum(axis=0) for parts in found], float)
    patterns, scale = _on_pixels(engine, total / len(positions))
    return patterns, engine.thicknesses_nm, scale


def sent(table: LacbedTable, angle: np.ndarray, thickness_nm: float, sign: int) -> np.ndarray:
    """A(∓p; t) at angles from the disk's centre, mrad, shape (N, 2)."""
    lattice = table.geometry.fine_lattice_mrad
    half = int((1.2 * CONVERGENCE_MRAD + 4) / np.linalg.norm(lattice, axis=1).min()) + 3
    axis = np.arange(-half, half + 1)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    weights = table.thickness_weights(np.array([thickness_nm]))
    image = table.lost.sent_to(sign * grid.reshape(-1, 2), weights).reshape(grid.shape[:2])
    place = (angle - TILT_MRAD) @ np.linalg.inv(lattice) + half
    return map_coordinates(image, place.T, order=3)


def explained(columns: np.ndarray, more: np.ndarray, pattern: np.ndarray) -> float:
    left = []
    for used in (columns, np.column_stack([columns, more])):
        solution = np.linalg.lstsq(used, pattern, rcond=None)[0]
        left.append(np.var(pattern - used @ solution))
    return 1 - left[1] / left[0]


def report(name: str, zone_axis: str, thicknesses_nm: list[float]) -> None:
    started = time.process_time()
    asked = crystal_conditions(name, zone_axis, HIGH_TENSION_KV, CONVERGENCE_MRAD)
    understood = understand(asked)
    axis = understood.conditions.zone_axis
    patterns, nm, scale = diffuse(understood.crystal, axis, thicknesses_nm)
    table = simulate_table(
        project(understood.crystal, axis), HIGH_TENSION_KV,
        1.2 * CONVERGENCE_MRAD, 3.0, max(nm) + 1, TableOptions(direction_step_mrad=0.8),
    )  # fmt: skip
    rows, columns = patterns.shape[1:]
    y, x = np.mgrid[:rows, :columns]
    angle = np.stack([(x - columns // 2) * scale[1], (y - rows // 2) * scale[0]], axis=-1)
    inside = np.linalg.norm(angle, axis=-1) < INSIDE * CONVERGENCE_MRAD
    angle = angle[inside]
    broad = backgrounds(np.linalg.norm(angle, axis=1) / CONVERGENCE_MRAD)
    print(f"{name} [{zone_axis}], {time.process_time() - started:.0f} CPU s")
    print(f"{'nm':10}", *(f"{t:5.1f}" for t in nm))
    for label, sign in (("A(-p; t)", 1), ("A(p; t)", -1)):
        shares = [
            explained(broad, sent(table, angle, float(t), sign), pattern[inside])
            for t, pattern in zip(nm, patterns, strict=True)
        ]
        print(f"{label:10}", *(f"{share:5.2f}" for share in shares), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=["SrTiO3", "GaN", "GaAs", "MoS2"])
    parser.add_argument("--thicknesses", type=float, nargs="*", default=[10, 22, 34, 46, 58])
    parser.add_argument("--axis", help="zone axis; each crystal's first by default")
    given = parser.parse_args()
    axes = {crystal.name: crystal.zone_axes[0].axis for crystal in known_crystals()}
    for name in given.names:
        report(name, given.axis or axes[name], given.thicknesses)


if __name__ == "__main__":
    main()
