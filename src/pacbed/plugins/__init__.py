"""Thickness maps inside other programs: LiberTEM and HyperSpy."""
