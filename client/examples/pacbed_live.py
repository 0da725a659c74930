# PACBED-CNN in Gatan Microscopy Suite, live: a script of Python, not of DMScript.
#
# Infers the front image whenever it changes, and writes thickness, mistilt and where to tilt
# onto it. Run it in the background (the check box beside Execute); run it again to stop.
# System, convergence semi-angle and address are those that pacbed_window.s was told last.
# Needs the Python package pacbedclient in the Python of GMS.

import DigitalMicrograph

from pacbedclient import gms_live

INTERVAL_S = 1.0
# Where +alpha and +beta of the stage move the zone axis in the pattern, degrees, as
# "pacbed stage calibrate" says; None for no guidance.
DIRECTIONS_DEG = None  # such as (37.0, -53.0)

gms_live.toggle(DigitalMicrograph, interval_s=INTERVAL_S, directions_deg=DIRECTIONS_DEG)
