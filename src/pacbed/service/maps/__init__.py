"""Thickness maps as jobs of the service.

Private: may change at any time; what is public stands in docs/api.md.
"""
