"""Read the runs for people: a list that costs the same at any length, and one run with its steps.

The list is sorted by id; with a time range, by time. Flow, status, and both together have an index. The trigger has
none, nor has a flow or status within a time range: for these a page examines a window, and says so.
"""
