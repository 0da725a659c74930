"""Inference by networks that choose among labels."""
