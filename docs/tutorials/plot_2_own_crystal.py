"""
A crystal of your own
=====================

Nothing is trained for a crystal that is not installed: its patterns are simulated once, and then
searched. Here the crystal is given by its name, one of 39 that need no structure file; with a CIF
of your own the command is the same.
"""

from command_line import shell, show

# %%
# Which crystals are known
# ------------------------

shell("pacbed crystals titanate")

# %%
# From name to answer
# -------------------
#
# The pattern is that of :doc:`the first tutorial <plot_1_first_answer>`, and the shipped system
# with its networks is not used. ``--thickness-max`` and ``--mistilt-max`` keep the table small
# here; left out, it reaches 100 nm and 8 mrad.

shell("""
pacbed infer examples/sto-001-300kV_42nm.npy \
    --cif SrTiO3 --zone-axis "0 0 1" --high-tension 300 --convergence 20 \
    --thickness-max 60 --mistilt-max 4 --report own.png
""")

# %%
# First it says what it understood: compare formula, cell and Debye–Waller factors B with what you
# know. Then it answers as any system does, with one warning more: the error bars of this crystal
# were not calibrated, which makes them wider (:doc:`/calibration`).

show("own.png")

# %%
# Asked of another pattern, nothing is simulated again: the table lies in the cache.

shell("pacbed cache")

# %%
# The same in Python
# ------------------
#
# .. code-block:: python
#
#    predictor = pacbed.open_crystal("SrTiO3", zone_axis="0 0 1", high_tension_kV=300)
#    estimate = predictor.infer(pattern, convergence_mrad=20.0)
#
# What to give, what comes out, and when not to trust it: :doc:`/own-crystal`.
