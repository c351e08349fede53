"""The path prefix of a server below a proxy."""

from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send


class PathPrefix:
    """ASGI middleware, outermost: cuts ROOT_PATH off each path that has it.

    Proxies differ in whether they cut it off themselves, so paths without it are served as well.
    """

    def __init__(self, application: ASGIApp, *, prefix: str) -> None:
        self.application = application
        self.raw_prefix = prefix.encode()
        self.prefix = unquote(prefix)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or starts and stops the application."""
        if scope["type"] in ("http", "websocket"):
            path: str = scope["path"]
            if path == self.prefix or path.startswith(f"{self.prefix}/"):
                raw_path = scope.get("raw_path", b"").removeprefix(self.raw_prefix) or b"/"
                rest = path.removeprefix(self.prefix) or "/"
                scope = {**scope, "path": rest, "raw_path": raw_path}
        await self.application(scope, receive, send)
