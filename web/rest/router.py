"""The door: addresses and methods, and what is the same for all of them."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

import settings
from models.database.connection import is_unavailable
from models.rejections import Rejected
from resolvers.context import Context
from resolvers.time_limit import TimeLimits, TookTooLong
from web.http.authentication import authenticate
from web.http.bad_request import BadRequest
from web.http.body import check_uncompressed
from web.http.errors import MASKED, UNAVAILABLE
from web.http.rate_limit import RateLimited
from web.rest.basket import (
    add_item,
    list_drafts,
    load_basket,
    read_basket,
    remove_item,
    save_basket,
    update_item,
)
from web.rest.basket_file import import_file
from web.rest.description import openapi
from web.rest.division import list_divisions
from web.rest.quotation import list_quotations, request_quotation
from web.rest.rejection import (
    NON_FIELD,
    InvalidFields,
    detail_response,
    invalid,
    not_allowed,
    not_found,
    rejected,
    unauthenticated,
)
from web.rest.request import RestRequest

logger = logging.getLogger("basket")

PREFIXES = ("/api/v1", "/b2b")
Endpoint = Callable[[RestRequest], Awaitable[Response]]
Methods = Mapping[str, Endpoint]

_DIVISIONS: Methods = {"GET": list_divisions}
_QUOTATIONS: Methods = {"GET": list_quotations, "POST": request_quotation}
ADDRESSES: Mapping[str, Methods] = {
    "/basket/": {
        "GET": read_basket,
        "POST": add_item,
        "PUT": update_item,
        "DELETE": remove_item,
    },
    "/basket/drafts/": {"GET": list_drafts},
    "/basket/save/": {"POST": save_basket},
    "/basket/{basket_id}/load/": {"POST": load_basket},
    "/basket/bulk-import/": {"POST": import_file},
    "/my-divisions/": _DIVISIONS,
    "/my-quotations/": _QUOTATIONS,
    # Front ends disagree on whether these two stand beside the basket or below it.
    "/basket/my-divisions/": _DIVISIONS,
    "/basket/my-quotations/": _QUOTATIONS,
}


def rest_routes() -> Sequence[BaseRoute]:
    """Returns the routes of the documented interface, the same below each prefix, and of its description."""
    limits = TimeLimits(settings.OPERATION_SECONDS)
    doors = {
        path: Door(partial(_answer, limits, methods)) for path, methods in ADDRESSES.items()
    }
    return [
        *(
            Route(prefix + path, door)
            for path, door in doors.items()
            for prefix in PREFIXES
        ),
        Route("/api/v1/openapi.json", openapi),
        *(
            Route(prefix + path.rstrip("/"), Door(_without_slash))
            for path in doors
            for prefix in PREFIXES
        ),
        *(
            Route(prefix + path, Door(_nothing))
            for path in ("", "/{path:path}")
            for prefix in PREFIXES
        ),
    ]


class Door:
    """Answers requests of every method: Starlette takes an object for an application, and a function for GET only."""

    def __init__(self, answer: Callable[[Request], Awaitable[Response]]) -> None:
        self.answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        response = await self.answer(Request(scope, receive, send))
        await response(scope, receive, send)


async def _answer(limits: TimeLimits, methods: Methods, request: Request) -> Response:
    endpoint = methods.get("GET" if request.method == "HEAD" else request.method)
    if endpoint is None:
        return not_allowed(request.method, _allowed(methods))
    # Strangers are turned away before their body is read.
    try:
        buyer = await authenticate(request)
    except RateLimited as limited:
        return _too_many(limited)
    if buyer is None:
        return unauthenticated("authorization" in request.headers)
    state = request.state
    context = Context(buyer, state.commerce, state.exports, state.spreadsheets)
    try:
        with limits.limit():
            return await _answered(endpoint, RestRequest(request, context))
    except TookTooLong:
        return detail_response(
            503,
            f"The request took longer than {limits.seconds:g} seconds and was given up.",
        )


def _allowed(methods: Methods) -> list[str]:
    return [
        name
        for method in methods
        for name in (("GET", "HEAD") if method == "GET" else (method,))
    ]


async def _without_slash(request: Request) -> Response:
    """Sends reads on to the address with a slash; a change must not be repeated somewhere else by itself."""
    if request.method not in ("GET", "HEAD"):
        return not_allowed(request.method, ["GET", "HEAD"])
    query = request.scope["query_string"].decode("latin-1")
    # Without the Host header, which the client writes.
    path = settings.ROOT_PATH + quote(request.scope["path"])
    location = f"{path}/" + (f"?{query}" if query else "")
    return Response(status_code=301, headers={"Location": location})


async def _nothing(request: Request) -> Response:
    return not_found()


async def _answered(endpoint: Endpoint, asked: RestRequest) -> Response:
    try:
        check_uncompressed(asked.http.headers.get("content-encoding", ""))
        return await endpoint(asked)
    except InvalidFields as wrong:
        return invalid(wrong.messages)
    except BadRequest as wrong:
        return (
            invalid({NON_FIELD: [wrong.message]}) if wrong.status == 400 else _detail(wrong)
        )
    except Rejected as rejection:
        return rejected(rejection.rejections)
    except Exception as error:
        if is_unavailable(error):
            logger.warning("The database cannot be used.", exc_info=error)
            return detail_response(503, UNAVAILABLE)
        logger.exception("An unexpected error at %s.", asked.http.scope["path"])
        return detail_response(500, MASKED)


def _too_many(limited: RateLimited) -> Response:
    response = detail_response(429, str(limited))
    response.headers["Retry-After"] = str(limited.seconds)
    return response


def _detail(wrong: BadRequest) -> Response:
    return detail_response(wrong.status, wrong.message)
