"""Packages of this project that may be left out: what they add is handed in, not imported.

Importing one of their modules registers what it adds: ``places`` where models lie
(:mod:`pacbed.library.places`), ``answers`` how patterns come to networks and what runs these
(:mod:`pacbed.infer.labels.roads`, :mod:`pacbed.infer.labels.networks`). ``commands`` has
``add_to``, which takes the command line, and ``EXAMPLES`` for its help.
"""

import functools
import importlib
import importlib.util
from types import ModuleType

_PACKAGES = ("pacbed.earlier",)


@functools.cache
def load(part: str) -> tuple[ModuleType, ...]:
    """Import this module of each package that is there."""
    there = [name for name in _PACKAGES if importlib.util.find_spec(name) is not None]
    return tuple(importlib.import_module(f"{name}.{part}") for name in there)
