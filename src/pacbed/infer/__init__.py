"""Inference: from a pattern and a bundle to an estimate and its report."""
