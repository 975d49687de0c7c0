"""Small procedures that any flow can use."""
