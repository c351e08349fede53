"""Starlette's application without a layer that requests here do not need."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp


class LayeredApplication(Starlette):
    """An application whose own middleware answers every exception, as `RequestRecorder` does.

    Starlette's layer for that wraps the sending of each response.
    """

    def build_middleware_stack(self) -> ASGIApp:
        """Returns the layers around the router."""
        handlers = Middleware(ExceptionMiddleware, handlers=self.exception_handlers)
        layer: ASGIApp = self.router
        for wrap, arguments, options in reversed([*self.user_middleware, handlers]):
            layer = wrap(layer, *arguments, **options)
        return layer
