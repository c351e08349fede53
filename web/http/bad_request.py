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


class PersistedQueryUnsupported(BadRequest):
    """Raised for a query sent as its hash alone; an Apollo server without them answers alike.

    Clients know the message or the code, and send the whole query from then on. Some read only
    responses with status 200, whatever their media type.
    """

    def __init__(self) -> None:
        code, message = "PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported"
        super().__init__(
            200, code, message, Cache_Control="private, no-cache, must-revalidate"
        )
