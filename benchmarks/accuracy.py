"""Accuracy of the shipped bundles on fresh synthetic patterns, with the fit or without.

    python benchmarks/accuracy.py [--patterns 2000] [--seed 20261124] [--no-refine] [--json]

Every pattern is synthesised from the bundle's own table over the system's whole
range (thickness, mistilt, convergence, rotation, off-centre disk), recorded with
at least 1e5 electrons, and given to the predictor without its camera length.
"""

import argparse
import json

import numpy as np
from drawn_patterns import draw_pattern

from pacbed.errors import PatternError
from pacbed.infer.networks.predictor import Predictor
from pacbed.library.installed import installed_systems, load_engine

SIZE = 160


def measure(system, count, seed, refine):
    rng = np.random.default_rng([seed, system.id])
    bundle = load_engine(system)
    predictor = Predictor(bundle)
    rows, refused = [], 0
    for _ in range(count):
        image, truth = draw_pattern(bundle.table, system, SIZE, rng)
        try:
            found = predictor.infer(image, truth.convergence_mrad, refine=refine)
        except PatternError:
            # Half of a thin crystal's disk may be saturated.
            refused += 1
            continue
        tilt = found.tilt_x_mrad - truth.tilt_x_mrad, found.tilt_y_mrad - truth.tilt_y_mrad
        rows.append(
            (
                abs(found.thickness_nm - truth.thickness_nm),
                np.hypot(*tilt),
                abs(found.mrad_per_pixel / truth.mrad_per_pixel - 1),
                found.status == "ok",
                found.status == "mismatch",
            )
        )
    return np.array(rows, float), refused


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
        rows, said = measure(system, arguments.patterns, arguments.seed, not arguments.no_refine)
        thickness, tilt, scale, ok, refused = rows.T
        results[system.name] = {
            "patterns": arguments.patterns,
            "seed": arguments.seed,
            "refused_as_input": said,
            "median_thickness_error_nm": round(float(np.median(thickness)), 2),
            "p95_thickness_error_nm": round(float(np.quantile(thickness, 0.95)), 2),
            "share_within_1_nm": round(float((thickness <= 1).mean()), 3),
            "share_within_2_nm": round(float((thickness <= 2).mean()), 3),
            "median_tilt_error_mrad": round(float(np.median(tilt)), 3),
            "p95_tilt_error_mrad": round(float(np.quantile(tilt, 0.95)), 3),
            "median_scale_error": round(float(np.median(scale)), 4),
            "share_ok": round(float(ok.mean()), 3),
            "share_mismatch": round(float(refused.mean()), 4),
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
