"""PACBED patterns in napari: a reader of microscopes' formats, and a widget that infers."""

__version__ = "0.1.0"
