"""The errors of the seam.

CommerceFailed
└─ TransientFailure   retried by the client before it gives up
"""


class CommerceFailed(Exception):
    """Raised when Commerce cannot be reached, or answers in an unknown way.

    The message is for a person and never holds an address or a token.
    """


class TransientFailure(CommerceFailed):
    """Raised when a retry may succeed.

    `pause` is the time in seconds that Commerce asked to wait; None when it asked for none.
    """

    def __init__(self, message: str, *, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause
