"""What is wrong with a request, before anything is executed."""


class BadRequest(Exception):
    """Raised when a request is not one of GraphQL over HTTP; carries the status and a message for a person."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class NotAllowed(BadRequest):
    """Raised (405) when a method is not allowed for what is asked; carries those that are."""

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(405, "METHOD_NOT_ALLOWED", message)
        self.allowed = allowed
