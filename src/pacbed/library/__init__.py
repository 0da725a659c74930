"""The installed systems: recipes, bundles and the register that finds them.

Private: may change at any time; what is public stands in docs/api.md.
"""
