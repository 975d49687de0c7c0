"""What the flows of the benchmarks call."""
