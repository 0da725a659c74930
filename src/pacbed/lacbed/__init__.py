"""Large-angle CBED of every beam: the table behind every pattern."""
