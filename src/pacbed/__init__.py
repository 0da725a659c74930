"""Thickness and mistilt of a crystal from its PACBED pattern.

The public names are imported on first use, so that ``import pacbed`` itself
loads neither NumPy nor ONNX Runtime.
"""

import os
from typing import TYPE_CHECKING

from pacbed.lazy import public_names
from pacbed.version import __version__

# ONNX Runtime's published builds (from 1.29 on) look up a host of their maker and write an
# identity into the user's cache while they are imported. This alone stops both, whatever
# the user's environment says, and must stand before that import: in this process and those
# that it starts.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from pacbed.answer.estimate import Estimate
    from pacbed.answer.spread import SpecimenSpread
    from pacbed.crystal.known.catalogue import known_crystals
    from pacbed.infer.known.calibrate_microscope import calibrate_microscope
    from pacbed.infer.networks.predictor import Predictor
    from pacbed.infer.open_predictor import open_predictor
    from pacbed.infer.predict import Prediction, predict
    from pacbed.infer.spread.measure import measure_spread
    from pacbed.library.installed import installed_systems, load_bundle
    from pacbed.microscope.file import read_microscope
    from pacbed.microscope.record import Microscope
    from pacbed.own_crystal.open_crystal import open_crystal
    from pacbed.pattern.geometry import PatternParameters
    from pacbed.pattern.square_pixels import square_pixels
    from pacbed.pattern.synthesis import synthesise
    from pacbed.readers import read_pattern
    from pacbed.readers.from_abtem import from_abtem

__all__ = [
    "Estimate",
    "Microscope",
    "PatternParameters",
    "Prediction",
    "Predictor",
    "SpecimenSpread",
    "__version__",
    "calibrate_microscope",
    "from_abtem",
    "installed_systems",
    "known_crystals",
    "load_bundle",
    "measure_spread",
    "open_crystal",
    "open_predictor",
    "predict",
    "read_microscope",
    "read_pattern",
    "square_pixels",
    "synthesise",
]

#: Where each public name lives.
_HOME = {
    "Estimate": "pacbed.answer.estimate",
    "Microscope": "pacbed.microscope.record",
    "PatternParameters": "pacbed.pattern.geometry",
    "Prediction": "pacbed.infer.predict",
    "Predictor": "pacbed.infer.networks.predictor",
    "SpecimenSpread": "pacbed.answer.spread",
    "calibrate_microscope": "pacbed.infer.known.calibrate_microscope",
    "installed_systems": "pacbed.library.installed",
    "from_abtem": "pacbed.readers.from_abtem",
    "known_crystals": "pacbed.crystal.known.catalogue",
    "load_bundle": "pacbed.library.installed",
    "measure_spread": "pacbed.infer.spread.measure",
    "open_crystal": "pacbed.own_crystal.open_crystal",
    "open_predictor": "pacbed.infer.open_predictor",
    "predict": "pacbed.infer.predict",
    "read_microscope": "pacbed.microscope.file",
    "read_pattern": "pacbed.readers",
    "square_pixels": "pacbed.pattern.square_pixels",
    "synthesise": "pacbed.pattern.synthesis",
}

__getattr__, __dir__ = public_names(__name__, _HOME)
