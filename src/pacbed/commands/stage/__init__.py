"""``pacbed stage``.

Private: may change at any time; what is public stands in docs/api.md.
"""
