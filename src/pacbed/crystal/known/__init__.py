"""Crystals that come with the program, each a small file with its source.

Private: may change at any time; what is public stands in docs/api.md.
"""
