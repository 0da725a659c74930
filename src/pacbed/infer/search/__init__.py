"""An answer from a table alone: all tilts, rotations and thicknesses are asked, the best fitted.

Private: may change at any time; what is public stands in docs/api.md.
"""
