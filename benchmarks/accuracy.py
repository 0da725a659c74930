"""Accuracy of the shipped bundles on fresh synthetic patterns, with the fit or without.

    python benchmarks/accuracy.py [--patterns 2000] [--seed 20261124] [--no-refine] [--json]

Every pattern is synthesised from the bundle's own table over the system's whole
range (thickness, mistilt, convergence, rotation, off-centre disk), recorded with
at least 1e5 electrons, and given to the predictor without its camera length.
"""

import argparse
import json

import numpy as np

from pacbed.infer.predictor import Predictor
from pacbed.library.register import installed_systems, load_bundle
from pacbed.pattern.detector import apply_effects, draw_effects
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

SIZE = 160


def measure(system, count, seed, refine):
    rng = np.random.default_rng([seed, system.id])
    bundle = load_bundle(system)
    predictor = Predictor(bundle)
    rows = []
    for _ in range(count):
        alpha = rng.uniform(*system.convergence_mrad)
        mistilt = system.mistilt_mrad[1] * np.sqrt(rng.random())
        azimuth = rng.uniform(0, 2 * np.pi)
        tilt = mistilt * np.array([np.cos(azimuth), np.sin(azimuth)])
        radius = rng.uniform(36, 54)
        thickness = rng.uniform(*system.thickness_nm)
        centre = (SIZE - 1) / 2 + rng.normal(0, 3, 2)
        parameters = PatternParameters(
            thickness, tilt[0], tilt[1], alpha, alpha / radius,
            rng.uniform(-180, 180), centre[0], centre[1],
        )  # fmt: skip
        clean = np.maximum(synthesise(bundle.table, parameters, (SIZE, SIZE)), 0)
        effects = draw_effects(1, radius, (1e5, 1e8), rng)
        found = predictor.infer(apply_effects(clean[None], effects, rng)[0], alpha, refine=refine)
        rows.append(
            (
                abs(found.thickness_nm - thickness),
                np.hypot(found.tilt_x_mrad - tilt[0], found.tilt_y_mrad - tilt[1]),
                abs(found.mrad_per_pixel * radius / alpha - 1),
                found.status == "ok",
            )
        )
    return np.array(rows, float)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patterns", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=20261124)
    parser.add_argument("--system", help="name of one system; all by default")
    parser.add_argument("--no-refine", action="store_true", help="the networks alone")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = {}
    for system in installed_systems():
        if arguments.system not in (None, system.name):
            continue
        rows = measure(system, arguments.patterns, arguments.seed, not arguments.no_refine)
        thickness, tilt, scale, ok = rows.T
        results[system.name] = {
            "patterns": arguments.patterns,
            "seed": arguments.seed,
            "median_thickness_error_nm": round(float(np.median(thickness)), 2),
            "p95_thickness_error_nm": round(float(np.quantile(thickness, 0.95)), 2),
            "share_within_1_nm": round(float((thickness <= 1).mean()), 3),
            "share_within_2_nm": round(float((thickness <= 2).mean()), 3),
            "median_tilt_error_mrad": round(float(np.median(tilt)), 3),
            "p95_tilt_error_mrad": round(float(np.quantile(tilt, 0.95)), 3),
            "median_scale_error": round(float(np.median(scale)), 4),
            "share_ok": round(float(ok.mean()), 3),
            "median_thickness_error_where_ok_nm": round(
                float(np.median(thickness[ok > 0])) if ok.any() else float("nan"), 2
            ),
        }
        if not arguments.json:
            print(system.name)
            for name, value in results[system.name].items():
                print(f"  {name:36s} {value}")
    if arguments.json:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
