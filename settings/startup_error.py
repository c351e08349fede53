"""The one error of a process that cannot start."""


class StartupError(Exception):
    """Raised when a process cannot start; the message is one line that names the setting."""
