"""Crystal structures, their projection along a zone axis, and scattering.

Private: may change at any time; what is public stands in docs/api.md.
"""
