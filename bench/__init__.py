"""Measure, against the limits and the peers: python -m bench."""
