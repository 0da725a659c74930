"""Public names that are imported on first use, so that importing a package costs nothing."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def public_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """What a package needs to offer names that live elsewhere.

    Parameters
    ----------
    package : str
    homes : mapping
        Module in which each public name lives.

    Returns
    -------
    getter : callable
        For the package's ``__getattr__``.
    lister : callable
        For its ``__dir__``: what is loaded already, and the public names.
    """

    def getter(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    def lister() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return getter, lister
