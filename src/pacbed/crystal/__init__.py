"""Crystal structures, their projection along a zone axis, and scattering."""
