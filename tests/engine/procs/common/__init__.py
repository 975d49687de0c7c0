"""The one folder of these procedures."""
