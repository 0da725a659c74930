"""The answer and its words: the estimate, its ranking, its report.

Private: may change at any time; what is public stands in docs/api.md.
"""
