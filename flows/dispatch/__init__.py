"""How a run gets away from the process that asked for it: to threads of its own, or to workers."""
