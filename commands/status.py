"""The exit statuses of commands."""

REJECTED = 2
"""An input is rejected."""
FAILED = 1
"""A setting cannot be used, or a service, for example the database, does not answer."""
