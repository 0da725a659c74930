"""The register of a data folder, read."""
