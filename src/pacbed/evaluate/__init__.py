"""Answers against the truth: tables of labelled patterns, scores and pages."""
