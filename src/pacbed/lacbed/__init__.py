"""Large-angle CBED of every beam: the table behind every pattern.

Private: may change at any time; what is public stands in docs/api.md.
"""
