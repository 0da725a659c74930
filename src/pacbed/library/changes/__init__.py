"""Changes of a data folder, by one process at a time."""
