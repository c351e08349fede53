"""Requests that are rejected before anything is executed."""


class BadRequest(Exception):
    """Raised for a request that is not GraphQL over HTTP; carries its response."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        # Headers are keyword arguments: Retry_After becomes Retry-After.
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class NotAllowed(BadRequest):
    """Raised (405) for a method that is not allowed; carries the allowed ones."""

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(405, "METHOD_NOT_ALLOWED", message, Allow=allowed)
