"""Changes of a data folder, by one process at a time.

Private: may change at any time; what is public stands in docs/api.md.
"""
