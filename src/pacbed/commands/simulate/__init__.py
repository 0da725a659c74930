"""``pacbed simulate``."""
