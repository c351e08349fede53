"""Who is asking: the token of the Authorization header."""

from starlette.requests import Request
from starlette.responses import Response

from models.user import Buyer, Buyers
from web.json_response import error_response

SCHEMES = ("token", "bearer")
CHALLENGE = 'Token realm="basket", Bearer realm="basket"'
"""What a 401 says of how to authenticate."""


async def buyer_of(request: Request) -> Buyer | None:
    """Returns the active user that the request's token belongs to; None when there is none."""
    return await buyer_authorized(request.state.buyers, request.headers.get("authorization", ""))


async def buyer_authorized(buyers: Buyers, authorization: str) -> Buyer | None:
    """Returns the active user that the token of an Authorization header belongs to; None when there is none."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() not in SCHEMES or not token:
        return None
    return await buyers.find(token)


def unauthenticated() -> Response:
    """Returns what everyone without a valid token gets, whatever the reason."""
    response = error_response(
        401, "UNAUTHENTICATED", "Send the header `Authorization: Token …` with the valid token of an active user."
    )
    response.headers["WWW-Authenticate"] = CHALLENGE
    return response
