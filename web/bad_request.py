"""What is wrong with a request, before anything is executed."""


class BadRequest(Exception):
    """Raised when a request is not one of GraphQL over HTTP; carries the status and a message for a person."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
