"""An app with one command."""
