"""4D-STEM scans: opened lazily, summed in windows, simulated and written."""
