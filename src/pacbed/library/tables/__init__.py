"""Tables of simulated patterns, and the files that they list."""
