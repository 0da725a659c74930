"""
A first answer
==============

A pattern, a system, and what the answer says. The pattern is one of ``examples/``: SrTiO3 along
[001] at 300 kV, simulated with atoms that move (frozen phonons), so that its truth is known:
42.0 nm thick, the zone axis 2.2 mrad from the optical axis.
"""

import numpy as np
from command_line import HERE, shell, show

import pacbed

# %%
# On the command line
# -------------------
#
# ``--system`` names crystal, zone axis and high tension (``pacbed systems`` lists what is there),
# ``--convergence`` the convergence semi-angle in mrad. It may be left out; the answer then takes
# some seconds longer, and finds it.

shell("""
pacbed infer examples/sto-001-300kV_42nm.npy \
    --system sto-001-300kV --convergence 20 --report report.png
""")

# %%
# Look at three things, in this order.
#
# 1. **status**: ``ok`` says that one solution stands out. With any other word the numbers are not
#    to be used as they are.
# 2. **the picture**: measured beside simulated pattern, and what is left between them.
# 3. **thickness and mistilt**, with their errors. The standard error is of one standard deviation.

show("report.png")

# %%
# In Python
# ---------
#
# The same record has every number by a name with its unit.

predictor = pacbed.open_predictor(pacbed.load_bundle("sto-001-300kV"))
pattern = np.load(HERE / "examples" / "sto-001-300kV_42nm.npy")
estimate = predictor.infer(pattern, convergence_mrad=20.0)
print(f"{estimate.thickness_nm:.1f} ± {estimate.thickness_std_nm:.1f} nm")
print(f"zone axis at x {estimate.tilt_x_mrad:+.2f}, y {estimate.tilt_y_mrad:+.2f} mrad")

# %%
# A wrong system
# --------------
#
# Asked of rutile, the same pattern is refused: nothing that this crystal can show explains it.

shell("""
pacbed infer examples/sto-001-300kV_42nm.npy --system rutile-001-80kV --convergence 20
""")

# %%
# Next: :doc:`a crystal of your own <plot_2_own_crystal>`. All options are in the
# :doc:`list of commands </cli>`, and :doc:`when not to trust an answer </not-to-trust>` has a page.
