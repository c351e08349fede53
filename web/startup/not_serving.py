"""Why the server does not start."""


class NotServing(Exception):
    """Raised when the server does not start; the message says what to do."""
