"""Authentication by the token of the Authorization header."""

from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from models.user import Buyer, Buyers
from web.http.address_limit import count_failure
from web.http.credentials import Credential, Credentials
from web.http.json_response import error_response
from web.http.rate_limit import RateLimits

CHALLENGE = 'Token realm="basket", Bearer realm="basket"'
"""The header `WWW-Authenticate` of a 401."""


async def authenticate(request: Request) -> Buyer | None:
    """Returns the active user of the request's token, None without one; raises RateLimited."""
    return await find_buyer(request.scope, request.headers.get("authorization", ""))


async def find_buyer(scope: Scope, authorization: str) -> Buyer | None:
    """Returns the active user of the token in an Authorization header, None without one.

    Raises RateLimited when the token, or without a valid one the address, has sent too much.
    """
    caller = await find_caller(scope, authorization)
    return caller and caller.buyer


class Caller(NamedTuple):
    """An active user, and the credential that let them in."""

    buyer: Buyer
    credential: Credential


async def find_caller(scope: Scope, authorization: str) -> Caller | None:
    """Returns who sent an Authorization header, like `find_buyer`; raises RateLimited."""
    buyers: Buyers = scope["state"]["buyers"]
    limits: RateLimits = scope["state"]["rate_limits"]
    credentials: Credentials = scope["state"]["credentials"]
    credential = await credentials.read(authorization)
    buyer = None
    if credential is not None:
        known = buyers.find_known(credential.digest)
        buyer = known or await buyers.find(credential.digest)
    if buyer is None and credentials.forget(authorization):
        # The account of a remembered token is not bound any more: it may be bound anew.
        credential = await credentials.read(authorization)
        buyer = await buyers.find(credential.digest) if credential else None
    if credential is None or buyer is None or not credential.admits(buyer):
        await count_failure(scope, limits)
        return None
    if limits.token is not None and not limits.token.take_reserved(credential.digest):
        await limits.token.take(credential.digest)
    return Caller(buyer, credential)


def unauthenticated() -> Response:
    """Returns the response to everyone without a valid token, whatever the reason."""
    response = error_response(
        401,
        "UNAUTHENTICATED",
        "Send the header `Authorization: Token …` with the valid token of an active user.",
    )
    response.headers["WWW-Authenticate"] = CHALLENGE
    return response
