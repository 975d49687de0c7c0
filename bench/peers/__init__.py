"""Other people's engines: each module runs the same chain as its own documentation would have it written."""
