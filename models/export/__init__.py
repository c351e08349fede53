"""Exports: the requests for files, and the life of their jobs."""
