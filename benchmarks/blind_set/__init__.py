"""A frozen-phonon engine of its own, and patterns that judge answers from a table alone."""
