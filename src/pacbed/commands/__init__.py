"""The commands of ``pacbed``, one module each; heavy imports are inside them.

Private: may change at any time; what is public stands in docs/api.md.
"""
