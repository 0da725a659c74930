"""PACBED patterns: synthesis, detector and preparation for the network.

Private: may change at any time; what is public stands in docs/api.md.
"""
