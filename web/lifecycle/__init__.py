"""The life of a server process: checks, start, readiness, draining."""
