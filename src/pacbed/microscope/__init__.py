"""What patterns of one session share, found from patterns of a known crystal.

Private: may change at any time; what is public stands in docs/api.md.
"""
