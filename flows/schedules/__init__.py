"""Schedules: when a flow is due, and the one run that a due time makes."""
