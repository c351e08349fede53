"""The exit status of a child process whose file was too much for it."""

MEMORY_SPENT = 75
"""The child has used all the memory it may have."""
