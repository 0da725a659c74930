"""Predictors of patterns that lie otherwise: on square pixels, on what a mask leaves.

Private: may change at any time; what is public stands in docs/api.md.
"""
