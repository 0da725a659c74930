"""The validation picture of an answer."""
