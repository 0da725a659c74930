"""A system as one file to send: packed with a card and a test, checked before it is unpacked.

Private: may change at any time; what is public stands in docs/api.md.
"""
