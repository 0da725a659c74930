"""How long one answer takes on one core: quantiles over fresh patterns of all systems.

    python benchmarks/latency.py [--patterns 32] [--seed 20261125]

Patterns of 512×512 pixels over the full range of each shipped system, with the detector
effects of training and 1e5 to 1e8 electrons, camera length not given. Processor time of the
process, so that other programs count as little as they can. Run it with OMP_NUM_THREADS=1.
"""

import argparse
import time

import numpy as np
from drawn_patterns import draw_pattern

from pacbed.infer.networks.predictor import Predictor
from pacbed.library.installed import installed_systems, load_engine

SIZE = 512


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
            image, truth = draw_pattern(predictor.bundle.table, system, SIZE, rng)
            for refine, found in milliseconds.items():
                started = time.process_time()
                predictor.infer(image, truth.convergence_mrad, refine=refine)
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
