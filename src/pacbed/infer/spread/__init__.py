"""Specimens that are no slabs: how far thickness and tilt spread within the averaged area.

Private: may change at any time; what is public stands in docs/api.md.
"""

__all__: list[str] = []
