"""The web service: inference for any client, and the page that uses it.

Private: may change at any time; what is public stands in docs/api.md.
"""
