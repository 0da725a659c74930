"""``pacbed train``."""
