"""Kinds of models, and how they lie on disk."""
