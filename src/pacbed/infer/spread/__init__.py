"""Specimens that are no slabs: how far thickness and tilt spread within the averaged area."""

__all__: list[str] = []
