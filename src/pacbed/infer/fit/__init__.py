"""The physical fit of one pattern."""
