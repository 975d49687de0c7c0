"""Procedures for the tests of the engine; some can be called, most are refused."""
