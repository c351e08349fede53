"""A path that is answered without the router."""

from starlette.types import ASGIApp, Receive, Scope, Send


class DirectRoute:
    """ASGI middleware that hands one path to its endpoint and everything else on.

    Starlette's router tries its routes in turn by regular expressions, and wraps the response for
    exception handlers that this path does not need: a tenth of the time of a small query.
    """

    def __init__(self, app: ASGIApp, *, path: str, endpoint: ASGIApp) -> None:
        self.app = app
        self.path = path
        self.endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        is_direct = scope["type"] == "http" and scope["path"] == self.path
        await (self.endpoint if is_direct else self.app)(scope, receive, send)
