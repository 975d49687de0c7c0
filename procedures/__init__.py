"""Your code: the classes that a flow may call."""
