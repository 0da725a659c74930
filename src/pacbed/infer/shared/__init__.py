"""Many patterns of one geometry: the windows of a scan.

Private: may change at any time; what is public stands in docs/api.md.
"""
