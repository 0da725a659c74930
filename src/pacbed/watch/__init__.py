"""A folder that patterns arrive in: which are written to their end, and the table of their answers.

Private: may change at any time; what is public stands in docs/api.md.
"""
