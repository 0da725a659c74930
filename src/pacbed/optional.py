"""Packages of this project that may be left out: what they add is handed in, not imported.

Each has some of these modules, whose import registers what they add:

``places``
    Where models lie, with :func:`pacbed.library.places.register_source`.
``answers``
    How patterns come to networks and how these are run, with
    :func:`pacbed.infer.label_roads.register_road` and
    :func:`pacbed.infer.label_models.register_runtime`.
``commands``
    ``EXAMPLES`` for the help of the command line, and ``add_to``, which is given it.
"""

import functools
import importlib
import importlib.util
from types import ModuleType

_PACKAGES = ("pacbed.earlier",)


@functools.cache
def load(part: str) -> tuple[ModuleType, ...]:
    """Import the module of this name of each package that is there.

    Parameters
    ----------
    part : str
        ``places``, ``answers`` or ``commands``.
    """
    there = [name for name in _PACKAGES if importlib.util.find_spec(name) is not None]
    return tuple(importlib.import_module(f"{name}.{part}") for name in there)
