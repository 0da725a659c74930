"""Kinds of models, and how they lie on disk.

Private: may change at any time; what is public stands in docs/api.md.
"""
