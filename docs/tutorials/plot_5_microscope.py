"""
At the microscope
=================

Patterns of one session share the camera length, the aperture and the way in which the stage turns
the crystal. Three patterns tell all of it, and later answers say where to tilt.
"""

import numpy as np
from command_line import HERE, shell, show_patterns

import pacbed

# %%
# The session
# -----------
#
# A stage is simulated: per degree of α the zone axis moves by 17.45 mrad along one direction of the
# pattern, per degree of β along the direction across. Neither direction is told to the program.

MRAD_PER_DEGREE = np.pi / 180 * 1000
ALPHA = np.array([np.cos(0.6), np.sin(0.6)]) * MRAD_PER_DEGREE
BETA = np.array([np.sin(0.6), -np.cos(0.6)]) * MRAD_PER_DEGREE
START_MRAD = np.array([-3.0, 2.5])
model = pacbed.load_bundle("sto-001-200kV")
rng = np.random.default_rng(3)


def record(name, alpha_deg, beta_deg, thickness_nm=46.0):
    """Record a pattern at two angles of the stage."""
    tilt = START_MRAD + alpha_deg * ALPHA + beta_deg * BETA
    parameters = pacbed.PatternParameters(
        thickness_nm=thickness_nm,
        tilt_x_mrad=tilt[0],
        tilt_y_mrad=tilt[1],
        convergence_mrad=15.0,
        mrad_per_pixel=0.28,
        rotation_deg=20.0,
    )
    share = np.maximum(pacbed.synthesise(model.table, parameters, (128, 128)), 0)
    pattern = rng.poisson(share * 1e6).astype(np.uint16)
    np.save(HERE / name, pattern)
    return pattern


places = {"a.npy": (0.0, 0.0), "b.npy": (0.25, 0.25), "c.npy": (0.25, 0.0)}
patterns = [record(name, *angles) for name, angles in places.items()]
show_patterns(patterns, [f"α {alpha}°, β {beta}°" for alpha, beta in places.values()])

# %%
# What the patterns share
# -----------------------
#
# The crystal's lattice is the ruler: angle per pixel, convergence semi-angle and ellipticity of the
# camera go into a file, with their errors.

shell("""
pacbed calibrate-microscope a.npy b.npy c.npy \
    --system sto-001-200kV --convergence 15 -o microscope.toml
""")

# %%
# Where the stage's axes lie
# --------------------------
#
# ``--at`` says which α and β the stage showed, for each pattern in turn.

shell("""
pacbed stage calibrate a.npy b.npy c.npy --at "0 0" --at "0.25 0.25" --at "0.25 0" \
    --system sto-001-200kV --convergence 15 -o stage.toml
""")

# %%
# The next pattern
# ----------------
#
# With both files an answer needs no other number, and has a line more: where to tilt.

record("d.npy", 0.2, 0.1)
shell("""
pacbed infer d.npy --system sto-001-200kV \
    --microscope microscope.toml --stage stage.toml
""")

# %%
# The truth: the zone axis is on the optical axis at α and β for which
# ``START_MRAD + α ALPHA + β BETA`` is zero.

angles = np.linalg.solve(np.column_stack([ALPHA, BETA]), -START_MRAD) - [0.2, 0.1]
print(f"tilt α by {angles[0]:+.3f}°, β by {angles[1]:+.3f}°")

# %%
# More on both files: :doc:`/microscope` and :doc:`/stage`. Patterns from a folder that fills:
# :doc:`/watch`. In Gatan Microscopy Suite: :doc:`/clients`.
