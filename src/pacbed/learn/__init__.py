"""Training: endless synthetic patterns, the network, the loop, the export.

Private: may change at any time; what is public stands in docs/api.md.
"""
