"""Our engine and its limits, measured in a process of their own like the peers."""
