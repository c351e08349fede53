"""The functions of PostgreSQL, each in a file of its name."""
