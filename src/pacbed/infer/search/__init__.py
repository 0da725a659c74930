"""An answer from a table alone: every tilt, rotation and thickness is asked, and the best are fitted.

Private: may change at any time; what is public stands in docs/api.md.
"""
