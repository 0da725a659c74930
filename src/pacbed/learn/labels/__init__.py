"""Label models, trained on a table of simulated patterns."""
