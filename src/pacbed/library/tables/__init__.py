"""Tables of simulated patterns, and the files that they list.

Private: may change at any time; what is public stands in docs/api.md.
"""
