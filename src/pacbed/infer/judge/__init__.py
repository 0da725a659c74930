"""What the fits found, judged: causes, error bars, the status and the estimate.

Private: may change at any time; what is public stands in docs/api.md.
"""
