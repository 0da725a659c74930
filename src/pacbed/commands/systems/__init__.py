"""``pacbed systems``: what is installed, and changes of it."""
