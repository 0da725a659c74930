"""The register of a data folder, read.

Private: may change at any time; what is public stands in docs/api.md.
"""
