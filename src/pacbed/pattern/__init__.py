"""PACBED patterns: synthesis, detector and preparation for the network."""
