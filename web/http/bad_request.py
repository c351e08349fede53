"""What is wrong with a request, before anything is executed."""


class BadRequest(Exception):
    """Raised when a request is not one of GraphQL over HTTP; carries its whole answer."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class NotAllowed(BadRequest):
    """Raised (405) when a method is not allowed for what is asked; carries those that are."""

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(405, "METHOD_NOT_ALLOWED", message, Allow=allowed)


class PersistedQueryUnsupported(BadRequest):
    """Raised for a query sent as its hash alone; answered as by an Apollo server without them.

    Clients know the message or the code, and send the whole query from then on. Some look into
    nothing but answers with status 200, whatever their media type.
    """

    def __init__(self) -> None:
        code, message = "PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported"
        super().__init__(
            200, code, message, Cache_Control="private, no-cache, must-revalidate"
        )
