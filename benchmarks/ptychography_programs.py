"""Whether phaser takes our start values, and tilts by them as our test says.

    pip install phaserem        # in an environment of its own; 0.3.1 was tried
    pacbed infer examples/sto-001-200kV_56nm.npy -s 2 --convergence 15 --export phaser
    python benchmarks/ptychography_programs.py sto-001-200kV_56nm-phaser.yml

It needs nothing of this project.
"""

import sys

import numpy as np
import pane
import yaml
from phaser.hooks import TiltHook
from phaser.types import Slices
from phaser.utils.optics import fresnel_propagator


def main(path: str) -> None:
    frequencies = np.fft.fftfreq(64, 0.3)
    qy, qx = np.meshgrid(frequencies, frequencies, indexing="ij")
    wavelength, height, (x, y) = 0.02508, 2.0, (1.5, -3.0)
    sheared = qx * np.tan(1e-3 * x) + qy * np.tan(1e-3 * y)
    ours = np.exp(-1j * np.pi * height * (wavelength * (qx**2 + qy**2) - 2 * sheared))
    theirs = fresnel_propagator(qy, qx, wavelength, height, (x, y))
    print(f"propagators differ by {np.abs(theirs - ours).max():.1e}")
    with open(path, encoding="utf-8") as file:
        plan = yaml.safe_load(file)
    print(pane.from_data(plan["init"]["tilt"], TiltHook).props)
    print(pane.from_data(plan["slices"], Slices))


if __name__ == "__main__":
    main(sys.argv[1])
