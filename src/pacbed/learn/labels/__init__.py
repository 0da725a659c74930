"""Label models, trained on a table of simulated patterns.

Private: may change at any time; what is public stands in docs/api.md.
"""
