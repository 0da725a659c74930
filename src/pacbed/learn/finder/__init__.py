"""Training of the finder: the one network that finds the bright-field disk of every crystal.

Private: may change at any time; what is public stands in docs/api.md.
"""
