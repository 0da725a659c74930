"""The version, once for the package and everything in it."""

__version__ = "0.1.0"
