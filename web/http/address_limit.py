"""The rate limit per client address, applied before a request is read."""

from ipaddress import IPv6Address, ip_network

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from web.http.json_response import error_response
from web.http.rate_limit import RateLimited, RateLimits

EXEMPT = frozenset({"/healthz", "/readyz", "/metrics"})
"""The paths of proxies and monitors."""
LIMITED = ("http", "websocket")
"""The kinds of requests that are counted; of WebSockets, their handshakes."""
FAILURE_HITS = 10
"""The hits of a request without a valid token, so that nobody tries many tokens."""
LONGEST_ADDRESS = 64
"""The number of characters that count of a client's address, of which a proxy may tell anything."""


class AddressLimit:
    """ASGI middleware that rejects the requests of an address, or a token, beyond its limit."""

    def __init__(self, application: ASGIApp) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Counts the request; answers when its address, or later its token, has sent too many."""
        try:
            if scope["type"] in LIMITED and scope["path"] not in EXEMPT:
                # Without a lifespan there are no limits: only tests run the application so.
                limits: RateLimits | None = scope.get("state", {}).get("rate_limits")
                if limits is not None and limits.address is not None:
                    address = client_address(scope)
                    if not limits.address.take_reserved(address):
                        await limits.address.take(address)
            await self.application(scope, receive, send)
        except RateLimited as rejection:
            await reject_rate(rejection)(scope, receive, send)


def client_address(scope: Scope) -> str:
    """Returns the IPv4 address of a client, or the 64 bits of IPv6 that one client is given."""
    client = scope.get("client")
    host: str = client[0][:LONGEST_ADDRESS] if client else ""
    # Behind a proxy, uvicorn has replaced the address by that of X-Forwarded-For.
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host.partition("%")[0])
        # All of ::ffff:0:0/96 lies in one network of 64 bits, so IPv4 clients would share a limit.
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((address, 64), strict=False))
    except ValueError:
        return host


async def count_failure(scope: Scope, limits: RateLimits) -> None:
    """Counts a failed authentication against the client's address; raises RateLimited."""
    if limits.address is not None:
        await limits.address.take(client_address(scope), FAILURE_HITS)


def reject_rate(rejection: RateLimited) -> Response:
    """Returns the response to a request beyond a limit."""
    response = error_response(429, "RATE_LIMITED", str(rejection))
    response.headers["Retry-After"] = str(rejection.seconds)
    return response
