"""Thickness maps of 4D-STEM scans: windows, shared geometry, batched inference, files."""
