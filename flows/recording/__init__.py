"""The record of runs: what is written while a run goes on, and how far one came."""
