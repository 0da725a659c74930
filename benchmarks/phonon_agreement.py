"""Agreement of the LACBED engine with frozen-phonon multislice of a scanned probe.

    python benchmarks/phonon_agreement.py [--json] [--configurations 8] [--keep FOLDER]

Strontium titanate [001], 300 kV, 20 mrad, tilt (3, 1.5) mrad, 10, 20 and 40 nm,
compared on the multislice's own pixels:

* *elastic*: atoms at rest, against a table with B = 0 and no absorption,
  over the table's recorded field;
* *phonons*: frozen phonons, against the table with its Debye–Waller
  factors and absorption, inside the bright-field disk.

The bare potentials of the elastic comparison are the hardest case for sampling.
What the frozen phonons add to the bright-field disk, and the table leaves out, is
thermal diffuse scattering into small angles: `added` is the part of the beam that
it puts there, `rms` what is left after both patterns are brought to the same sum.
The configurations share the probe positions of one scan, which leaves noise of the
phonons of 1 to 4 % of the mean in each pixel.
"""

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

import numpy as np

from pacbed.crystal.projection import project
from pacbed.crystal.structure import Crystal
from pacbed.lacbed.build import TableOptions, simulate_table
from pacbed.lacbed.table import LacbedTable
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise
from pacbed.reference import ReferenceOptions, ReferencePatterns, simulate_reference

HIGH_TENSION_KV = 300.0
CONVERGENCE_MRAD = 20.0
TILT_MRAD = (3.0, 1.5)
THICKNESSES_NM = (10.0, 20.0, 40.0)
#: The table records this many semi-angles; the multislice's patterns are cropped to it.
FIELD = 1.75
#: Left out at the edge of the disk, which is a step from pixel to pixel in those
#: patterns and smooth in the table's.
EDGE_MRAD = 0.75
#: Elastic patterns agree at least this well.
REQUIRED_CORRELATION = 0.995


def strontium_titanate() -> Crystal:
    """SrTiO3 at room temperature, a = 3.905 Å."""
    positions = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Crystal(
        cell=np.eye(3) * 3.905,
        symbols=("Sr", "Ti", "O", "O", "O"),
        positions=np.array(positions),
        occupancies=np.ones(5),
        b_iso=np.array([0.62, 0.44, 0.72, 0.72, 0.72]),
    )


def reference(crystal: Crystal, configurations: int, keep: Path | None) -> ReferencePatterns:
    """The multislice's patterns, from the kept file if one was made before."""
    path = keep / f"phonon_agreement_{configurations}.npz" if keep else None
    if path is not None and path.exists():
        return ReferencePatterns.load(path)
    options = ReferenceOptions(
        high_tension_kV=HIGH_TENSION_KV,
        convergence_mrad=CONVERGENCE_MRAD,
        thicknesses_nm=THICKNESSES_NM,
        tilt_x_mrad=TILT_MRAD[0],
        tilt_y_mrad=TILT_MRAD[1],
        configurations=configurations,
        slice_thickness_A=2.0,
        # Bare potentials at rest need the finer pixels.
        sampling_A=0.1 if configurations else 0.06,
        max_angle_mrad=FIELD * CONVERGENCE_MRAD + 1,
        seed=300,
        resolution_mrad=0.51,  # a supercell of 10 x 10 cells
        deal_positions=configurations > 0,
    )
    patterns = simulate_reference(crystal, (0, 0, 1), options, _show_progress)
    if path is not None:
        patterns.save(path)
    return patterns


def _show_progress(done: int, total: int) -> None:
    end = "\n" if done == total else ""
    print(f"\rmultislice {done / total:.0%}", end=end, file=sys.stderr, flush=True)


def table(crystal: Crystal, absorption: bool) -> LacbedTable:
    """The engine's table, not compressed."""
    return simulate_table(
        project(crystal, (0, 0, 1)),
        HIGH_TENSION_KV,
        CONVERGENCE_MRAD,
        float(np.hypot(*TILT_MRAD)),
        max(THICKNESSES_NM) + 1,
        TableOptions(field=FIELD, direction_step_mrad=0.5, quantum=1e-5),
        absorption=absorption,
    )


def compare(
    expected: ReferencePatterns, lacbed: LacbedTable, radius_mrad: float
) -> list[dict[str, float]]:
    """Figures of agreement inside a disk around the pattern's centre, per thickness."""
    rows, columns = expected.patterns.shape[1:]
    pixel = expected.mrad_per_pixel[0]
    y = (np.arange(rows) - rows // 2)[:, None] * pixel
    x = (np.arange(columns) - columns // 2)[None] * pixel
    inside = np.hypot(x, y) <= radius_mrad
    results = []
    for pattern, thickness in zip(expected.patterns, expected.thicknesses_nm, strict=True):
        parameters = PatternParameters(
            thickness_nm=float(thickness),
            tilt_x_mrad=TILT_MRAD[0],
            tilt_y_mrad=TILT_MRAD[1],
            convergence_mrad=CONVERGENCE_MRAD,
            mrad_per_pixel=pixel,
            center_row_px=rows // 2,
            center_column_px=columns // 2,
        )
        ours = synthesise(lacbed, parameters, (rows, columns))[inside].astype(float)
        theirs = pattern[inside].astype(float)
        scaled = ours * theirs.sum() / ours.sum()
        results.append(
            {
                "thickness_nm": float(thickness),
                "correlation": float(np.corrcoef(ours, theirs)[0, 1]),
                "rms": float(np.sqrt(np.mean((scaled - theirs) ** 2)) / theirs.mean()),
                "added": float(theirs.sum() - ours.sum()),
                "share_phonons": float(theirs.sum()),
            }
        )
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--configurations", type=int, default=8, help="0 leaves phonons out")
    parser.add_argument("--keep", type=Path, help="folder to keep the multislice's patterns in")
    arguments = parser.parse_args()
    crystal = strontium_titanate()
    started = time.perf_counter()
    at_rest = dataclasses.replace(crystal, b_iso=np.zeros(len(crystal.symbols)))
    elastic = reference(at_rest, 0, arguments.keep)
    result = {
        "elastic": compare(elastic, table(at_rest, False), FIELD * CONVERGENCE_MRAD),
        "phonons": [],
    }
    if arguments.configurations:
        phonons = reference(crystal, arguments.configurations, arguments.keep)
        result["phonons"] = compare(phonons, table(crystal, True), CONVERGENCE_MRAD - EDGE_MRAD)
    passed = all(row["correlation"] >= REQUIRED_CORRELATION for row in result["elastic"])
    if arguments.json:
        print(json.dumps({**result, "required": REQUIRED_CORRELATION, "passed": passed}, indent=2))
    else:
        print(f"SrTiO3 [001] {HIGH_TENSION_KV:g} kV, {CONVERGENCE_MRAD:g} mrad, tilt {TILT_MRAD}")
        print(f"{'':10}{'nm':>8}{'corr.':>9}{'rms/mean':>10}{'added':>9}{'in area':>9}")
        for name, rows in result.items():
            for row in rows:
                print(
                    f"{name:10}{row['thickness_nm']:8.2f}{row['correlation']:9.5f}"
                    f"{row['rms']:10.4f}{row['added']:9.4f}{row['share_phonons']:9.4f}"
                )
        verdict = "met" if passed else "NOT met"
        print(
            f"elastic correlation of at least {REQUIRED_CORRELATION}: {verdict}; "
            f"{time.perf_counter() - started:.0f} s"
        )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
