"""The errors of the seam.

CommerceFailed
└─ PassingFailure   may be gone a moment later; the client asks again before it gives up
"""


class CommerceFailed(Exception):
    """Raised when Commerce cannot be asked or answers with what cannot be understood.

    The message is for a person and never holds an address or a token.
    """


class PassingFailure(CommerceFailed):
    """Raised when the same question may well be answered a moment later; `pause` is how long Commerce asked to wait."""

    def __init__(self, message: str, *, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause
