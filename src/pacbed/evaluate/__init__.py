"""Answers against the truth: tables of labelled patterns, scores and pages.

Private: may change at any time; what is public stands in docs/api.md.
"""
