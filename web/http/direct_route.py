"""A path that is answered without the router."""

from starlette.types import ASGIApp, Receive, Scope, Send

from web.http.errors import not_found


class DirectRoute:
    """ASGI middleware that hands one path to its endpoints and everything else on.

    There are WebSockets at this path only.

    Starlette's router tries its routes in turn by regular expressions, and wraps the response for
    exception handlers that this path does not need: a tenth of the time of a small query.
    """

    def __init__(
        self, app: ASGIApp, *, path: str, endpoint: ASGIApp, websocket: ASGIApp
    ) -> None:
        self.app = app
        self.path = path
        self.endpoint = endpoint
        self.websocket = websocket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "websocket":
            is_here = scope["path"] == self.path
            await (self.websocket if is_here else not_found())(scope, receive, send)
            return
        is_direct = scope["type"] == "http" and scope["path"] == self.path
        await (self.endpoint if is_direct else self.app)(scope, receive, send)
