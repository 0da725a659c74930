"""Error bars of a system, measured on frozen phonons that nothing was fitted to.

Private: may change at any time; what is public stands in docs/api.md.
"""
