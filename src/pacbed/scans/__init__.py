"""4D-STEM scans: opened lazily, summed in windows, simulated and written.

Private: may change at any time; what is public stands in docs/api.md.
"""
