"""The limit on requests of one client address, before anything of a request is looked at."""

from ipaddress import IPv6Address, ip_network

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from web.http.json_response import error_response
from web.http.rate_limit import RateLimited, RateLimits

EXEMPT = frozenset({"/healthz", "/readyz", "/metrics"})
"""What proxies and monitors ask for."""
FAILURE_HITS = 10
"""What a request without a valid token counts, so that nobody tries many."""


class AddressLimit:
    """An ASGI application that turns clients away whose address has sent too much."""

    def __init__(self, application: ASGIApp) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Counts the request, and answers when its address or, found out behind this, its token has sent too many."""
        try:
            if scope["type"] == "http" and scope["path"] not in EXEMPT:
                # Without a lifespan there are no limits: only tests run the application so.
                limits: RateLimits | None = scope.get("state", {}).get("rate_limits")
                if limits is not None and limits.address is not None:
                    await limits.address.take(address_of(scope))
            await self.application(scope, receive, send)
        except RateLimited as limited:
            await too_many_requests(limited)(scope, receive, send)


def address_of(scope: Scope) -> str:
    """Returns what counts as one client: an IPv4 address, or the 64 bits of IPv6 that one client is given whole."""
    client = scope.get("client")
    host: str = client[0] if client else ""
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host.partition("%")[0])
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((address, 64), strict=False))
    except ValueError:
        return host


async def count_failure(scope: Scope, limits: RateLimits) -> None:
    """Counts a failed authentication against the client's address; raises RateLimited."""
    if limits.address is not None:
        await limits.address.take(address_of(scope), FAILURE_HITS)


def too_many_requests(limited: RateLimited) -> Response:
    """Answers whoever has passed a limit."""
    response = error_response(429, "RATE_LIMITED", str(limited))
    response.headers["Retry-After"] = str(limited.seconds)
    return response
