"""Thickness maps as jobs of the service."""
