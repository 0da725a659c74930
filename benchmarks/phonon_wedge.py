"""Map a wedge that was simulated with frozen phonons, and compare with what it is.

    python benchmarks/phonon_wedge.py [--folder build/phonon-wedge] [--tilts 6] [--windows 18]

Each window of 8 x 8 positions is one cell of SrTiO3 [001] at 300 kV, each position has its own
pattern, and the noise of its electrons is drawn anew for each dose. The patterns of a tilt are
simulated where they are missing (some two minutes of one core each) and kept in the folder.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from wedge_map import SYSTEM, report

from pacbed.commands.wedge.options import WedgeScan
from pacbed.commands.wedge.phonons import WINDOW, simulate_bands
from pacbed.library.installed import load_engine
from pacbed.library.recipe import load_recipe
from pacbed.maps.mapping import infer_map
from pacbed.maps.options import MapOptions
from pacbed.scans.scan import Scan
from pacbed.scans.tiled_wedge import band_tilts, tiled_rows, tiled_truth

ROOT = Path(__file__).resolve().parents[1]
#: Electrons per position.
DOSES = (500, 5000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("build/phonon-wedge"))
    parser.add_argument("--tilts", type=int, default=6)
    parser.add_argument("--windows", type=int, default=18)
    parser.add_argument("--seed", type=int, default=20261125)
    arguments = parser.parse_args()
    asked = WedgeScan(
        size=WINDOW * arguments.windows,
        tilts=arguments.tilts,
        thickness="5,90",
        electrons=DOSES[0],
        seed=arguments.seed,
    )
    tilts = band_tilts(asked.tilts, asked.mistilt, np.random.default_rng(asked.seed))
    frames, thicknesses, scale, step = simulated(arguments.folder, asked, tilts)
    truth = tiled_truth(thicknesses, tilts, WINDOW, asked.detector)
    print(f"tilts: {np.round(tilts, 2).tolist()}; {scale:.5f} mrad per pixel, step {step:.4f} nm")
    bundle = load_engine(SYSTEM)
    for dose in DOSES:
        generator = np.random.default_rng([asked.seed, dose])
        counts = np.stack(list(tiled_rows(frames, dose, generator)))
        options = MapOptions(asked.convergence, window=(WINDOW, WINDOW), step_nm=step)
        print(f"\n{dose} electrons per position")
        report(infer_map(Scan.from_array(counts), bundle, options), truth, WINDOW)


def simulated(
    folder: Path, asked: WedgeScan, tilts: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray, float, float]:
    """Frames of every tilt, their thicknesses, mrad per pixel and step; kept one by one."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = load_recipe(ROOT / "recipes" / f"{SYSTEM}.toml")
    frames = []
    for number, tilt in enumerate(tilts):
        path = folder / f"tilt-{asked.seed}-{number}-of-{len(tilts)}.npz"
        if not path.exists():
            began = time.process_time()
            one = replace(asked, seed=asked.seed + number)
            [band] = simulate_bands(recipe, one, tilt[None], lambda share: None)
            np.savez_compressed(
                path, frames=band.frames.astype(np.float16), thicknesses_nm=band.thicknesses_nm,
                mrad_per_pixel=band.mrad_per_pixel, step_nm=band.step_nm,
            )  # fmt: skip
            print(f"{path} in {time.process_time() - began:.0f} CPU s", flush=True)
        with np.load(path) as stored:
            frames.append(stored["frames"].astype(np.float32))
            known = (
                stored["thicknesses_nm"],
                float(stored["mrad_per_pixel"]),
                float(stored["step_nm"]),
            )
    return frames, *known


if __name__ == "__main__":
    main()
