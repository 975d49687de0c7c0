"""Remove what is old, a small range at a time: log rows and runs."""
