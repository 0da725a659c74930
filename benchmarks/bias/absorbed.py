"""A model of the diffuse electrons' structure as one more linear part of the fit: a trial.

    python benchmarks/bias/absorbed.py SET --cases 2 1
    python benchmarks/bias/absorbed.py REFERENCE_SET --bundles src/pacbed/library/bundles

Electrons that leave towards q with the help of one phonon are those that a wave from q would lose
to phonons on its way back, as far as the probe illuminates all depths alike:

    D(q; t) ~ A(q − τ; t),   A(k; t) = 1 − Σ_g P_g(k; t)

(double channelling by reciprocity, for crystals whose projection has a centre). A comes from the
mean wave in one cell. Printed are how much of the diffuse part's structure inside the disk A
explains, beside an offset and two broad hills, and what fits find less the true thickness, nm,
without and with it.
"""

import argparse
import csv
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
from scipy import fft
from scipy.interpolate import CubicSpline
from scipy.ndimage import map_coordinates

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bias.cases import CASES, Case
from bias.fits import offsets
from bias.potentials import table
from pacbed.infer.fit import pattern_fit
from pacbed.infer.fit.derivatives import PixelAngles
from pacbed.infer.fit.linear import backgrounds
from pacbed.infer.fit.parameters import THICKNESS, TILT_X, TILT_Y
from pacbed.lacbed.table import LacbedTable
from pacbed.library.models.model_files import TABLE
from pacbed.reference.engine import make_engine
from pacbed.reference.grid import propagator

#: Distance of the directions, mrad, and how far they reach, semi-angles.
STEP_MRAD, REACH = 1.5, 1.3
#: σ of the part's coefficient beforehand, in units of the disk's mean intensity.
_SIGMA = 1.0


class Absorbed:
    """Share of a wave that is absorbed, by direction and thickness."""

    def __init__(self, case: Case) -> None:
        recipe = case.recipe
        options = replace(case.options(0), resolution_mrad=10.0, max_angle_mrad=10.0)
        engine = make_engine(recipe.crystal, recipe.system.zone_axis, options)
        self._tilt = np.array(case.tilt_mrad)
        self._half = int(REACH * case.convergence_mrad / STEP_MRAD) + 1
        axis = np.arange(-self._half, self._half + 1) * STEP_MRAD
        y, x = np.meshgrid(axis, axis, indexing="ij")
        q = np.stack([x.ravel(), y.ravel()], axis=1) * 1e-3 / engine.wavelength
        zone = self._tilt * 1e-3 / engine.wavelength
        kept = []
        for part in np.array_split(q, max(1, len(q) // 48)):
            kept.append(_sums(engine, [zone - one for one in part]))
        absorbed = 1 - np.concatenate(kept, axis=1).reshape(-1, len(axis), len(axis))
        self._spline = CubicSpline(engine.thicknesses_nm, absorbed, axis=0)

    def at(self, angle: np.ndarray, tilt: np.ndarray, thickness_nm: float) -> np.ndarray:
        """At angles from the disk's centre in the crystal's frame, mrad, shape (N, 2)."""
        x, y = (angle - tilt + self._tilt).T / STEP_MRAD + self._half
        image = self._spline(np.clip(thickness_nm, *self._spline.x[[0, -1]]))
        return map_coordinates(image, [y, x], order=3, mode="nearest")


def _sums(engine, zones) -> np.ndarray:
    """Sum of all beams [thickness, wave] for zone axes at these places."""
    ways = [
        np.stack([propagator(engine.grid, zone, engine.wavelength, step) for zone in zones])
        for step in engine.layers.steps
    ]
    waves = np.ones((len(zones), *engine.grid.shape), np.complex64)
    count, wanted, found = len(ways), set(engine.exits), []
    for number in range(max(engine.exits)):
        waves *= engine.means[number % count]
        spectrum = fft.fft2(waves, norm="forward", overwrite_x=True)
        if number + 1 in wanted:
            found.append((spectrum.real**2 + spectrum.imag**2).sum(axis=(1, 2)))
        spectrum *= ways[number % count]
        waves = fft.ifft2(spectrum, norm="forward", overwrite_x=True)
    return np.array(found)


def with_absorbed(absorbed: Absorbed):
    """Fits within the block have one more linear part."""
    evaluate, make_ridge = pattern_fit._Model.evaluate, pattern_fit.make_ridge

    def more(self, parameters, before):
        at = evaluate(self, parameters, before)
        angle = PixelAngles.of(parameters, self.samples).angle
        tilt = parameters[TILT_X : TILT_Y + 1]
        part = absorbed.at(angle, tilt, float(parameters[THICKNESS]))
        return replace(at, columns=np.concatenate([at.columns, part[:, None]], axis=1))

    def ridge(count):
        return np.append(make_ridge(count), 1e-4 * _SIGMA**-2 * count / 1000)

    stack = mock.patch.multiple(pattern_fit, make_ridge=ridge)
    return stack, mock.patch.object(pattern_fit._Model, "evaluate", more)


def explained(case: Case, absorbed: Absorbed, arrays: dict[str, np.ndarray]) -> list[float]:
    """Share of the diffuse part's structure inside the disk that A explains."""
    size, pixel = arrays["diffuse"].shape[1], float(arrays["mrad_per_pixel"])
    y, x = (np.mgrid[:size, :size] - size // 2) * pixel
    inside = np.hypot(x, y) < 0.95 * case.convergence_mrad
    angle = np.stack([x[inside], y[inside]], axis=1)
    broad = backgrounds(np.linalg.norm(angle, axis=1) / case.convergence_mrad)
    shares = []
    for pattern, nm in zip(arrays["diffuse"], arrays["thicknesses_nm"], strict=True):
        part = absorbed.at(angle, np.array(case.tilt_mrad), float(nm))
        left = []
        for columns in (broad, np.column_stack([broad, part])):
            solution = np.linalg.lstsq(columns, pattern[inside], rcond=None)[0]
            left.append(np.var(pattern[inside] - columns @ solution))
        shares.append(1 - left[1] / left[0])
    return shares


def of_reference_set(folder: Path, bundles: Path, every: int) -> None:
    """Every n-th pattern from 5 nm of a reference set, by the tables of bundles."""
    runs: dict[str, list[dict[str, str]]] = {}
    with (folder / "patterns.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            runs.setdefault(row["path"], []).append(row)
    for path, rows in runs.items():
        first = rows[0]
        tilt = float(first["tilt_x_mrad"]), float(first["tilt_y_mrad"])
        case = Case(first["system"], float(first["convergence_mrad"]), tilt)
        nm = np.array([float(row["thickness_nm"]) for row in rows])
        chosen = np.flatnonzero(nm > 5)[1::every]
        with np.load(folder / path, allow_pickle=False) as arrays:
            patterns = arrays["patterns"][chosen].astype(float)
        given = patterns, case, nm[chosen], float(first["mrad_per_pixel"])
        own = LacbedTable.load(bundles / case.system / TABLE)
        before = offsets(own, *given)
        ridge, evaluate = with_absorbed(Absorbed(case))
        with ridge, evaluate:
            after = offsets(own, *given)
        print(path, case, "nm:", nm[chosen].round(0))
        for name, values in (("without", before), ("with", after)):
            error = values.std() / np.sqrt(len(values))
            print(f"{name:8} {values.mean():+.3f} ± {error:.3f}, median of the errors "
                  f"{np.median(np.abs(values)):.3f}: {values.round(3)}", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", type=Path)
    parser.add_argument("--cases", type=int, nargs="*", default=list(range(len(CASES))))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=2)
    parser.add_argument("--bundles", type=Path, help="SET is a reference set")
    given = parser.parse_args()
    if given.bundles:
        of_reference_set(given.set, given.bundles, given.every)
        return
    for number in given.cases:
        case = CASES[number]
        with np.load(given.set / f"case-{number}-seed-{given.seed}.npz") as file:
            arrays = dict(file)
        for name in ("elastic", "diffuse", "thicknesses_nm"):
            arrays[name] = arrays[name][:: given.every]
        absorbed, nm = Absorbed(case), arrays["thicknesses_nm"]
        whole, pixel = arrays["elastic"] + arrays["diffuse"], float(arrays["mrad_per_pixel"])
        own = table(case.recipe, "now", given.set / "tables")
        rows = {"explained": np.array(explained(case, absorbed, arrays))}
        rows["elastic alone"] = offsets(own, arrays["elastic"], case, nm, pixel)
        rows["without"] = offsets(own, whole, case, nm, pixel)
        ridge, evaluate = with_absorbed(absorbed)
        with ridge, evaluate:
            rows["with"] = offsets(own, whole, case, nm, pixel)
        print(case)
        print(f"{'nm':14}", *(f"{t:6.1f}" for t in nm), "  mean")
        for name, values in rows.items():
            print(
                f"{name:14}", *(f"{v:+6.3f}" for v in values), f"{values.mean():+6.3f}", flush=True
            )


if __name__ == "__main__":
    main()
