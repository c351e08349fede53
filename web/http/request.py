"""An HTTP request as the GraphQL view needs it; Starlette's takes as long to make as a small query."""

from starlette.types import Receive, Scope


class HttpRequest:
    """The headers of a request by their names, its scope and its body."""

    __slots__ = ("_headers", "receive", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        # Of several headers with one name the first remains, as in Starlette.
        self._headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))

    @property
    def method(self) -> str:
        """The method, in capitals."""
        return str(self.scope["method"])

    def header(self, name: bytes) -> str:
        """Returns the first header with a name, "" when there is none."""
        return self._headers.get(name, b"").decode("latin-1")

    def joined_header(self, name: bytes) -> str:
        """Returns all headers with a name, separated by commas, "" when there are none."""
        if len(self._headers) == len(self.scope["headers"]):
            return self.header(name)
        values = [value for key, value in self.scope["headers"] if key == name]
        return b",".join(values).decode("latin-1")

    def is_repeated(self, name: bytes) -> bool:
        """Whether there are several headers with a name."""
        if len(self._headers) == len(self.scope["headers"]):
            return False
        names: list[bytes] = [key for key, _ in self.scope["headers"]]
        return names.count(name) > 1
