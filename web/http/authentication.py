"""Authentication by the token of the Authorization header."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from models.user import Buyer, Buyers, hash_token
from web.http.address_limit import count_failure
from web.http.json_response import error_response
from web.http.rate_limit import RateLimits

SCHEMES = ("token", "bearer")
CHALLENGE = 'Token realm="basket", Bearer realm="basket"'
"""The header `WWW-Authenticate` of a 401."""


async def authenticate(request: Request) -> Buyer | None:
    """Returns the active user of the request's token, None without one; raises RateLimited."""
    return await find_buyer(request.scope, request.headers.get("authorization", ""))


async def find_buyer(scope: Scope, authorization: str) -> Buyer | None:
    """Returns the active user of the token in an Authorization header, None without one.

    Raises RateLimited when the token, or without a valid one the address, has sent too much.
    """
    buyers: Buyers = scope["state"]["buyers"]
    limits: RateLimits = scope["state"]["rate_limits"]
    digest = read_digest(authorization)
    buyer = await buyers.find(digest) if digest else None
    if buyer is None:
        await count_failure(scope, limits)
    elif limits.token is not None:
        await limits.token.take(digest)
    return buyer


def read_digest(authorization: str) -> str:
    """Returns the digest of the token in an Authorization header, "" without one.

    Only the digest is stored, cached and counted, never the token.
    """
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    return hash_token(token) if token and scheme.lower() in SCHEMES else ""


def unauthenticated() -> Response:
    """Returns the response to everyone without a valid token, whatever the reason."""
    response = error_response(
        401,
        "UNAUTHENTICATED",
        "Send the header `Authorization: Token …` with the valid token of an active user.",
    )
    response.headers["WWW-Authenticate"] = CHALLENGE
    return response
