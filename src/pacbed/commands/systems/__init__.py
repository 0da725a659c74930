"""``pacbed systems``: what is installed, and changes of it.

Private: may change at any time; what is public stands in docs/api.md.
"""
