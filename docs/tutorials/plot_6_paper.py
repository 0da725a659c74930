"""
A figure and a paragraph for a paper
====================================

The measured pattern beside the simulated one as vectors, in the width, font and letters that a
journal asks for, and the paragraph that belongs to it.
"""

# sphinx_gallery_thumbnail_path = 'images/paper-figure.png'

from command_line import HERE, Drawing, shell

# %%
# One command writes both. ``--figure`` takes ``.pdf`` or ``.svg``.

shell("""
pacbed infer examples/sto-001-200kV_56nm.npy --system sto-001-200kV --convergence 15 \
    --figure figure.svg --figure-width single --methods methods.txt
""")

# %%
# The figure
# ----------
#
# Both patterns have one scale of intensity; the bar is in mrad, the cross at the zone axis. What is
# called an experiment here is one of ``examples/``, simulated with atoms that move and a camera.

Drawing("figure.svg")

# %%
# The paragraph
# -------------
#
# Read it before you paste it: it knows nothing of the microscope and the specimen.

print((HERE / "methods.txt").read_text(encoding="utf-8"))

# %%
# Which options there are: :doc:`/papers`. How to cite the program stands in ``CITATION.cff``; start
# values for ptychography come with ``--export`` (:doc:`/ptychography`).
