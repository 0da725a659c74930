"""From a pattern to hypotheses by trained networks, and the predictor that asks them first.

Private: may change at any time; what is public stands in docs/api.md.
"""
