"""Thickness maps inside other programs: LiberTEM and HyperSpy.

Private: may change at any time; what is public stands in docs/api.md.
"""
