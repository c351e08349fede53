"""Cross-origin sharing: pages of other origins may send requests and read the responses."""

from collections.abc import Sequence

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

MAXIMUM_AGE_SECONDS = 600
"""Seconds for which a browser may keep the answer to its preflight request."""


def cross_origin_sharing(origins: Sequence[str]) -> Middleware:
    """Returns the middleware that lets the pages of some origins in."""
    return Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
        # Clients and tracers add headers of their own, and nothing here trusts a header because a
        # browser would not send it.
        allow_headers=["*"],
        expose_headers=[
            "Content-Disposition",
            "Content-Range",
            "ETag",
            "Retry-After",
            "X-Request-ID",
        ],
        max_age=MAXIMUM_AGE_SECONDS,
    )
