"""``pacbed validate``."""
