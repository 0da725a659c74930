"""A data cube as py4DSTEM itself writes it, for the tests.

    python benchmarks/py4dstem_cube.py tests/data/py4dstem_cube.h5

py4DSTEM needs NumPy 1 and an environment of its own: ``pip install py4DSTEM`` (0.14.18 wrote the
file that the tests have). The cube holds 2 x 3 patterns of 32 x 40 pixels, each pixel its number,
with 0.4 mrad per pixel.
"""

import sys

import numpy as np
import py4DSTEM


def main(path: str) -> None:
    counts = np.arange(2 * 3 * 32 * 40, dtype=np.uint16).reshape(2, 3, 32, 40)
    cube = py4DSTEM.DataCube(data=counts, name="datacube")
    cube.calibration.set_Q_pixel_size(0.4)
    cube.calibration.set_Q_pixel_units("mrad")
    cube.calibration.set_R_pixel_size(2.0)
    cube.calibration.set_R_pixel_units("A")
    py4DSTEM.save(path, cube, mode="o")


if __name__ == "__main__":
    main(sys.argv[1])
