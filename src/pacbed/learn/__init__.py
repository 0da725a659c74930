"""Training: endless synthetic patterns, the network, the loop, the export."""
