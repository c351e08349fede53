"""Who is asking: the token of the Authorization header."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from models.user import Buyer, Buyers, digest_of
from web.http.address_limit import count_failure
from web.http.json_response import error_response
from web.http.rate_limit import RateLimits

SCHEMES = ("token", "bearer")
CHALLENGE = 'Token realm="basket", Bearer realm="basket"'
"""What a 401 says of how to authenticate."""


async def buyer_of(request: Request) -> Buyer | None:
    """Returns the active user that the request's token belongs to; None when there is none. Raises RateLimited."""
    return await buyer_authorized(request.scope, request.headers.get("authorization", ""))


async def buyer_authorized(scope: Scope, authorization: str) -> Buyer | None:
    """Returns the active user that the token of an Authorization header belongs to; None when there is none.

    Raises RateLimited when the token, or without a valid one the client's address, has asked too often.
    """
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    buyers: Buyers = scope["state"]["buyers"]
    limits: RateLimits = scope["state"]["rate_limits"]
    digest = digest_of(token)
    buyer = await buyers.find(digest) if token and scheme.lower() in SCHEMES else None
    if buyer is None:
        await count_failure(scope, limits)
    elif limits.token is not None:
        await limits.token.take(digest)
    return buyer


def unauthenticated() -> Response:
    """Returns what everyone without a valid token gets, whatever the reason."""
    response = error_response(
        401,
        "UNAUTHENTICATED",
        "Send the header `Authorization: Token …` with the valid token of an active user.",
    )
    response.headers["WWW-Authenticate"] = CHALLENGE
    return response
