"""
A series of patterns
====================

Eight patterns of one crystal, from thin to thick, as a session leaves them: read one after the
other into a table, and drawn with their error bars.
"""

import csv

import matplotlib.pyplot as plt
import numpy as np
from command_line import HERE, shell, show_patterns

import pacbed

# %%
# The patterns are simulated here, from the table of a shipped system, with the noise of a million
# electrons. So they know nothing of phonons or of a detector: what follows shows how a series is
# read, not how exact answers are. For that see :doc:`/accuracy`.

model = pacbed.load_bundle("sto-001-200kV")
rng = np.random.default_rng(1)
truth_nm = np.array([8.0, 14.0, 22.0, 30.0, 41.0, 55.0, 68.0, 84.0])
patterns = []
for number, thickness_nm in enumerate(truth_nm):
    parameters = pacbed.PatternParameters(
        thickness_nm=thickness_nm,
        tilt_x_mrad=1.5,
        tilt_y_mrad=-0.8 + 0.2 * number,
        convergence_mrad=15.0,
        mrad_per_pixel=0.35,
    )
    share = pacbed.synthesise(model.table, parameters, (128, 128))
    patterns.append(rng.poisson(np.maximum(share, 0) * 1e6).astype(np.uint16))
    np.save(HERE / f"series-{number}.npy", patterns[-1])
show_patterns(patterns[::2], [f"{thickness:.0f} nm" for thickness in truth_nm[::2]])

# %%
# Into a table
# ------------
#
# A model is opened once. Convergence angle and angle per pixel belong to the session: what is known
# of them is given to every pattern.

predictor = pacbed.open_predictor(model)
answers = [predictor.infer(pattern, convergence_mrad=15.0) for pattern in patterns]
fields = ("status", "thickness_nm", "thickness_std_nm", "tilt_x_mrad", "tilt_y_mrad", "residual")
with open(HERE / "series.csv", "w", newline="") as file:
    table = csv.writer(file)
    table.writerow(fields)
    table.writerows([getattr(answer, name) for name in fields] for answer in answers)
for answer in answers:
    print(f"{answer.status}  {answer.thickness_nm:5.1f} ± {answer.thickness_std_nm:.1f} nm")

# %%
# What is not ``ok`` is drawn open, so that nobody reads a number from it.

found_nm = np.array([answer.thickness_nm for answer in answers])
error_nm = np.array([answer.thickness_std_nm for answer in answers])
sure = np.array([answer.status == "ok" for answer in answers])
figure, axes = plt.subplots(figsize=(5, 3.4))
axes.axhline(0, color="0.7", linewidth=1)
for chosen, fill in ((sure, "C0"), (~sure, "none")):
    axes.errorbar(
        truth_nm[chosen],
        (found_nm - truth_nm)[chosen],
        error_nm[chosen],
        fmt="o",
        markerfacecolor=fill,
        color="C0",
        capsize=2,
    )
axes.set_xlabel("thickness / nm")
axes.set_ylabel("found − true / nm")
figure.tight_layout()

# %%
# On the command line
# -------------------
#
# Several files in one call share what opening the model costs; ``--json`` gives all numbers.

shell("""
pacbed infer series-2.npy series-3.npy --system sto-001-200kV --convergence 15
""")

# %%
# As patterns arrive in a folder, ``pacbed watch`` writes such a table by itself (:doc:`/watch`),
# and the page keeps a session of them (:doc:`/service`).
