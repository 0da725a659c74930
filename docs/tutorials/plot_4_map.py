"""
A map of thickness and mistilt
==============================

A 4D-STEM scan has a pattern at each position of the probe. The mean over a window that covers a
unit cell is a PACBED pattern, and so a scan becomes a map.
"""

import matplotlib.pyplot as plt
import numpy as np
from command_line import HERE, shell, show

import pacbed
from pacbed.maps import load_map

# %%
# A small scan
# ------------
#
# 16 × 24 positions of a bent wedge: thicker to the right, tilted further downwards. Windows of
# 4 × 4 positions have one thickness here, and each position 2,000 electrons. It is simulated from a
# shipped table; ``pacbed wedge`` makes larger scans, with atoms that move if you wish.

WINDOW, ELECTRONS = 4, 2000
model = pacbed.load_bundle("sto-001-300kV")
rng = np.random.default_rng(2)
thickness_nm = np.linspace(15.0, 60.0, 6)
tilt_mrad = np.linspace(0.5, 3.0, 4)
scan = np.empty((4 * WINDOW, 6 * WINDOW, 64, 64), np.uint16)
for row, tilt in enumerate(tilt_mrad):
    for column, thickness in enumerate(thickness_nm):
        parameters = pacbed.PatternParameters(
            thickness_nm=thickness,
            tilt_x_mrad=1.0,
            tilt_y_mrad=tilt,
            convergence_mrad=20.0,
            mrad_per_pixel=0.9,
        )
        share = np.maximum(pacbed.synthesise(model.table, parameters, (64, 64)), 0)
        top, left = row * WINDOW, column * WINDOW
        frames = rng.poisson(share * ELECTRONS, (WINDOW, WINDOW, 64, 64))
        scan[top : top + WINDOW, left : left + WINDOW] = frames
np.save(HERE / "scan.npy", scan)

# %%
# The map
# -------
#
# A file of plain numbers does not say how far apart its positions are, so that the window is given.
# In a scan whose axes are calibrated the smallest window that covers a unit cell is chosen.

shell("""
pacbed map scan.npy --system sto-001-300kV --convergence 20 --window 4 -o map.npz
""")
show("map.png")

# %%
# Every layer is an array with an entry for each window.

result = load_map(HERE / "map.npz")
figure, axes = plt.subplots(figsize=(5, 3.2))
for row in range(4):
    axes.errorbar(
        thickness_nm, result.thickness_nm[row], result.thickness_std_nm[row], fmt=".", capsize=2
    )
axes.plot(thickness_nm, thickness_nm, color="0.7", zorder=0)
axes.set_xlabel("true thickness / nm")
axes.set_ylabel("found / nm")
figure.tight_layout()

# %%
# Look at ``status`` before using a layer, as for a single pattern. What the layers mean, windows
# that overlap, masks, and the axes of the scan: :doc:`/maps`. In LiberTEM and HyperSpy:
# :doc:`/maps-in-your-tools`.
