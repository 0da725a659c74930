"""Where to tilt: from the zone axis in the pattern to the angles of the stage.

Public; the modules inside are private.
"""

from pacbed.stage.calibrate import calibrate_stage, stated_patterns
from pacbed.stage.file import read_stage, stage_text
from pacbed.stage.guidance import Guidance, guide
from pacbed.stage.record import Axis, Hand, StageCalibration, StagePattern

__all__ = [
    "Axis",
    "Guidance",
    "Hand",
    "StageCalibration",
    "StagePattern",
    "calibrate_stage",
    "guide",
    "read_stage",
    "stage_text",
    "stated_patterns",
]
