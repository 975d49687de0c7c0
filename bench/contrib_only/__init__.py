"""The limit for a command: a Django project with the contrib apps alone and a command that does nothing."""
