"""Many patterns of one geometry: the windows of a scan."""
