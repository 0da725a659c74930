"""Inference: from a pattern and a bundle to an estimate and its report.

Private: may change at any time; what is public stands in docs/api.md.
"""
