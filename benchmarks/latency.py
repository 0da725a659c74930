"""How long one answer takes on one core: quantiles over fresh patterns of all systems.

    python benchmarks/latency.py [--patterns 32] [--seed 20261125]

Patterns of 512×512 pixels over the full range of each shipped system, with the detector
effects of training and 1e5 to 1e8 electrons, camera length not given. Processor time of the
process, so that other programs count as little as they can. Run it with OMP_NUM_THREADS=1.
"""

import argparse
import time

import numpy as np

from pacbed.infer.predictor import Predictor
from pacbed.library.register import installed_systems, load_engine
from pacbed.pattern.detector import apply_effects, draw_effects
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.synthesis import synthesise

SIZE = 512


def draw(bundle, rng):
    """A recorded pattern of a system, and its convergence semi-angle."""
    system = bundle.system
    alpha = rng.uniform(*system.convergence_mrad)
    mistilt, azimuth = system.mistilt_mrad[1] * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
    radius = rng.uniform(0.22, 0.33) * SIZE
    row, column = (SIZE - 1) / 2 + rng.normal(0, 0.02 * SIZE, 2)
    parameters = PatternParameters(
        rng.uniform(*system.thickness_nm), mistilt * np.cos(azimuth), mistilt * np.sin(azimuth),
        alpha, alpha / radius, rng.uniform(-180, 180), row, column,
    )  # fmt: skip
    clean = np.maximum(synthesise(bundle.table, parameters, (SIZE, SIZE)), 0)
    return apply_effects(clean[None], draw_effects(1, radius, (1e5, 1e8), rng), rng)[0], alpha


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patterns", type=int, default=32, help="of each system")
    parser.add_argument("--seed", type=int, default=20261125)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    milliseconds = {False: [], True: []}
    for system in installed_systems():
        predictor = Predictor(load_engine(system))
        for number in range(arguments.patterns + 1):
            image, alpha = draw(predictor.bundle, rng)
            for refine, found in milliseconds.items():
                started = time.process_time()
                predictor.infer(image, alpha, refine=refine)
                if number:  # the first one loads
                    found.append((time.process_time() - started) * 1e3)
    for refine, found in milliseconds.items():
        middle, most, nearly_all = np.quantile(found, [0.5, 0.9, 0.99])
        print(
            f"{'with the fit' if refine else 'networks alone':16s} {len(found)} patterns: median "
            f"{middle:.0f} ms, 90 % {most:.0f} ms, 99 % {nearly_all:.0f} ms"
        )


if __name__ == "__main__":
    main()
