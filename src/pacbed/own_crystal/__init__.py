"""From a structure file and the conditions alone to a predictor: nothing is trained.

Private: may change at any time; what is public stands in docs/api.md.
"""
