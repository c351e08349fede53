"""An HTTP request for the GraphQL view; Starlette's takes as long to make as a small query."""

from starlette.types import Receive, Scope


class HttpRequest:
    """The headers of a request by their names, its scope and its body.

    `headers` has the first of several with one name, as Starlette's.
    """

    __slots__ = ("headers", "method", "receive", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.method: str = scope["method"]
        self.headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))

    def join(self, name: bytes) -> bytes:
        """Returns all headers with a name, separated by commas; empty without one."""
        if len(self.headers) == len(self.scope["headers"]):
            return self.headers.get(name, b"")
        return join_headers(self.scope, name)

    def is_repeated(self, name: bytes) -> bool:
        """Whether there are several headers with a name."""
        is_unique = len(self.headers) == len(self.scope["headers"])
        return not is_unique and len(self._find_all(name)) > 1

    def _find_all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.scope["headers"] if key == name]


def join_headers(scope: Scope, name: bytes) -> bytes:
    """Returns all headers of a request with a name, separated by commas; empty without one."""
    return b",".join([value for key, value in scope["headers"] if key == name])
