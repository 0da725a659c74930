"""Pixels that say nothing, found in the pattern itself: fills, gaps, plateaus, beam stops.

Private: may change at any time; what is public stands in docs/api.md.
"""
