"""Systems that a service makes from structure files.

Private: may change at any time; what is public stands in docs/api.md.
"""
