"""Who is asking: the token of the Authorization header."""

from starlette.requests import Request
from starlette.responses import Response

from models.user import Buyer, buyer_with, digest_of
from web.address_limit import count_failure
from web.json_response import error_response
from web.rate_limit import RateLimits

SCHEMES = ("token", "bearer")


async def buyer_of(request: Request) -> Buyer | None:
    """Returns the active user that the request's token belongs to; None when there is none.

    Raises RateLimited when the token, or without a valid one the address, has asked too often.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    buyer = await buyer_with(token) if token and scheme.lower() in SCHEMES else None
    if buyer is None:
        await count_failure(request)
        return None
    limits: RateLimits | None = request.scope.get("state", {}).get("rate_limits")
    if limits is not None and limits.token is not None:
        await limits.token.take(digest_of(token))
    return buyer


def unauthenticated() -> Response:
    """Returns what everyone without a valid token gets, whatever the reason."""
    response = error_response(
        401, "UNAUTHENTICATED", "Send the header `Authorization: Token …` with the valid token of an active user."
    )
    response.headers["WWW-Authenticate"] = 'Token realm="basket", Bearer realm="basket"'
    return response
