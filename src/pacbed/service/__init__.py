"""The web service: inference for any client, and the page that uses it."""
