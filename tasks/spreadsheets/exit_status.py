"""How the child process that reads a file ends, other than well."""

MEMORY_SPENT = 75
"""The exit status of a child that has used all the memory it may have."""
