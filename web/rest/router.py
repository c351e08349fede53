"""The addresses and methods of the REST interface, and the handling common to all of them."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from models.database.connection import is_unavailable
from models.history.tables import ChangeOrigin
from models.rejections import Rejected
from models.user import BuyerErased
from resolvers.context import Context
from resolvers.outcome import count_rejections
from resolvers.time_limit import TimeLimits, TookTooLong
from settings.options import Options
from web.http.authentication import authenticate
from web.http.bad_request import BadRequest
from web.http.body import check_uncompressed
from web.http.errors import MASKED, UNAVAILABLE
from web.http.private import make_private
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
from web.rest.description import OpenApi
from web.rest.division import list_divisions
from web.rest.quotation import list_quotations, request_quotation
from web.rest.rejection import (
    NON_FIELD,
    InvalidFields,
    detail_response,
    invalid_response,
    not_allowed_response,
    not_found_response,
    rejection_response,
    unauthenticated_response,
)
from web.rest.request import RestRequest

logger = logging.getLogger("basket")

PREFIXES = ("/api/v1", "/b2b")
Endpoint = Callable[[RestRequest], Awaitable[ASGIApp]]
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


def rest_routes(options: Options) -> Sequence[BaseRoute]:
    """Returns the routes of the interface, the same below each prefix, and of its description."""
    limits = TimeLimits(options.operation_seconds)
    without_slash = AnyMethod(partial(_redirect_to_slash, options.root_path))
    routes: list[BaseRoute] = [
        Route("/api/v1/openapi.json", OpenApi(options.root_path, PREFIXES).respond)
    ]
    for prefix in PREFIXES:
        for path, methods in ADDRESSES.items():
            endpoint = AnyMethod(partial(_respond, options, limits, methods))
            routes.append(Route(prefix + path, endpoint))
            routes.append(Route(prefix + path.rstrip("/"), without_slash))
    # Starlette takes the first route that matches, so these come last.
    for prefix in PREFIXES:
        for path in ("", "/{path:path}"):
            routes.append(Route(prefix + path, AnyMethod(_respond_not_found)))
    return routes


class AnyMethod:
    """An endpoint for all methods: Starlette allows only GET to an endpoint that is a function."""

    def __init__(self, respond: Callable[[Request], Awaitable[ASGIApp]]) -> None:
        self.respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Responds to one request."""
        response = await self.respond(Request(scope, receive, send))
        await response(scope, receive, send)


async def _respond(
    options: Options, limits: TimeLimits, methods: Methods, request: Request
) -> ASGIApp:
    endpoint = methods.get("GET" if request.method == "HEAD" else request.method)
    if endpoint is None:
        return not_allowed_response(request.method, _allowed_methods(methods))
    # The body of an unauthenticated request is never read.
    try:
        buyer = await authenticate(request)
    except RateLimited as limited:
        return _rate_limit_response(limited)
    if buyer is None:
        return unauthenticated_response("authorization" in request.headers)
    context = Context.from_state(buyer, request.scope["state"], ChangeOrigin.REST)
    try:
        with limits.limit():
            response = await _call(endpoint, RestRequest(request, context, options))
    except TookTooLong:
        return detail_response(
            503,
            f"The request took longer than {limits.seconds:g} seconds and was given up.",
        )
    if request.method in ("GET", "HEAD") and isinstance(response, Response):
        make_private(response)
    return response


def _allowed_methods(methods: Methods) -> list[str]:
    names = list(methods)
    if "GET" in names:
        names.insert(names.index("GET") + 1, "HEAD")
    return names


async def _redirect_to_slash(root_path: str, request: Request) -> Response:
    """Redirects reads to the address with a slash; clients must not repeat a change unasked."""
    if request.method not in ("GET", "HEAD"):
        return not_allowed_response(request.method, ["GET", "HEAD"])
    query = request.scope["query_string"].decode("latin-1")
    # The Host header, which Starlette would use, is written by the client.
    path = root_path + quote(request.scope["path"])
    location = f"{path}/" + (f"?{query}" if query else "")
    return Response(status_code=301, headers={"Location": location})


async def _respond_not_found(request: Request) -> Response:
    return not_found_response()


async def _call(endpoint: Endpoint, request: RestRequest) -> ASGIApp:
    try:
        check_uncompressed(request.http.headers.get("content-encoding", ""))
        return await endpoint(request)
    except InvalidFields as invalid:
        return invalid_response(invalid.messages)
    except BadRequest as bad:
        if bad.status == 400:
            return invalid_response({NON_FIELD: [bad.message]})
        return detail_response(bad.status, bad.message)
    except Rejected as rejected:
        count_rejections(rejected.rejections)
        return rejection_response(rejected.rejections)
    except BuyerErased:
        return unauthenticated_response(has_header=True)
    except Exception as error:
        if is_unavailable(error):
            logger.warning("The database cannot be used.", exc_info=error)
            return detail_response(503, UNAVAILABLE)
        logger.exception("An unexpected error at %s.", request.http.scope["path"])
        return detail_response(500, MASKED)


def _rate_limit_response(limited: RateLimited) -> Response:
    return detail_response(429, str(limited), Retry_After=str(limited.seconds))
