"""``pacbed wedge``."""
