"""``pacbed map``."""
