"""GraphQL requests, read from HTTP: POST of JSON or of a form with files, GET for queries."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request

from settings.options import Options
from web.documents.reference import DocumentReference, read_reference
from web.graphql.upload import read_upload
from web.http.bad_request import BadRequest
from web.http.body import check_length, check_uncompressed, read_body
from web.http.json_request import parse_json
from web.http.json_response import JSON
from web.http.multipart import MULTIPART, close_files
from web.http.request import HttpRequest

PARAMETERS = ("query", "documentId", "variables", "operationName", "extensions")
# The last two are Apollo's: its clients send one of them for the same protection.
PREFLIGHT_HEADERS = (
    b"x-requested-with",
    b"apollo-require-preflight",
    b"x-apollo-operation-name",
)
LONGEST_CONTENT_TYPE = 1_000
"""The number of characters of `Content-Type` that are read."""
LONGEST_CACHED_BODY = 4_000
"""The longest body, in bytes, that is remembered with its request."""
_OBJECT, _TEXT = (dict, "an object"), (str, "a text")
_TYPES: dict[str, tuple[type, str]] = {
    "query": _TEXT,
    "documentId": _TEXT,
    "variables": _OBJECT,
    "operationName": _TEXT,
    "extensions": _OBJECT,
}


@dataclass(frozen=True, slots=True)
class RequestRules:
    """The largest body and the largest form, in bytes, and whether GET and forms need a header."""

    body_bytes: int
    upload_bytes: int
    requires_preflight: bool = False

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Returns the rules of an application."""
        return cls(
            options.request_maximum_bytes,
            options.upload_maximum_bytes,
            options.requires_preflight,
        )


@dataclass(slots=True)
class GraphQLRequest:
    """A document with its variables and the name of the operation to execute.

    `query` is empty while the document is only named, by `reference`. `wants_cost` is
    `"extensions": {"cost": true}`. A GET request may only query. `bytes` is the length of the JSON
    of a WebSocket's message.
    """

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    wants_cost: bool = False
    only_queries: bool = False
    form: FormData | None = None
    reference: DocumentReference | None = None
    bytes: int = 0

    def clear(self) -> None:
        """Drops the document and the variables, which may be large."""
        self.query, self.variables = "", None

    def close(self) -> None:
        """Closes the files of the request, if it has any."""
        if self.form is not None:
            close_files(self.form)


async def read_request(http: HttpRequest, rules: RequestRules) -> GraphQLRequest:
    """Returns the GraphQL request, which the caller closes.

    Raises BadRequest when it is too large, neither JSON nor multipart, or no GraphQL request.
    """
    if http.method == "GET":
        if rules.requires_preflight:
            check_preflight(http, "GET requests")
        request = parse_request(_read_parameters(http))
        request.only_queries = True
        return request
    content_type = _read_content_type(http)
    if content_type == JSON:
        # A chunked body announces no length, so `read_body` counts as well.
        check_length(http.headers.get(b"content-length", b""), rules.body_bytes)
        body = await read_body(http.receive, rules.body_bytes)
        return parse_body(body)
    if content_type == MULTIPART:
        return await _read_form(http, rules)
    message = (
        f"The content type is {content_type[:100]!r}; "
        f"send {JSON}, or {MULTIPART} with a file."
    )
    raise BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", message)


async def _read_form(http: HttpRequest, rules: RequestRules) -> GraphQLRequest:
    if rules.requires_preflight:
        check_preflight(http, "Uploads")
    starlette_request = Request(http.scope, http.receive)
    content, form = await read_upload(starlette_request, rules.upload_bytes)
    try:
        request = parse_request(content)
    # The caller closes requests, and gets none here.
    except BadRequest:
        close_files(form)
        raise
    request.form = form
    return request


def check_preflight(http: HttpRequest, subject: str) -> None:
    """Raises BadRequest (403) without a header that a foreign page cannot send.

    The token is such a header itself, unless a proxy makes it out of a cookie: then a form or an
    image of another site may post multipart, or get, in the visitor's name. It cannot add a
    header of its own without the browser asking us before.
    """
    if not any(http.headers.get(name, b"").strip() for name in PREFLIGHT_HEADERS):
        message = f"{subject} need a non-empty header `X-Requested-With`."
        raise BadRequest(403, "PREFLIGHT_REQUIRED", message)


def _read_parameters(http: HttpRequest) -> dict[str, Any]:
    """Returns the parameters of a GET request; raises BadRequest."""
    sent = [
        (name, value)
        for name, value in QueryParams(http.scope["query_string"]).multi_items()
        if name in PARAMETERS
    ]
    parameters: dict[str, Any] = dict(sent)
    # Two programs may each take another one of two values.
    if len(parameters) != len(sent):
        raise BadRequest(400, "BAD_REQUEST", "The address has a parameter twice.")
    for name in ("variables", "extensions"):
        text = parameters.pop(name, None)
        if text:
            parameters[name] = parse_json(text.encode(errors="replace"), f"`{name}`")
    return parameters


def _read_content_type(http: HttpRequest) -> str:
    """Returns the type of the body; raises BadRequest (415) for an encoded or repeated one."""
    if encoding := http.headers.get(b"content-encoding"):
        check_uncompressed(encoding)
    header = http.headers.get(b"content-type", b"")
    content_type, charset = parse_content_type(header[:LONGEST_CONTENT_TYPE])
    # JSON is UTF-8; in another charset, its texts would be read wrongly.
    if charset not in ("", "utf-8", "utf8"):
        message = f"The charset is {charset[:100]!r}; send utf-8."
        raise BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", message)
    if http.is_repeated(b"content-type"):
        message = "The request has two content types."
        raise BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", message)
    return content_type


@lru_cache(256)
def parse_content_type(header: bytes) -> tuple[str, str]:
    """Returns the media type of a `Content-Type` header and its charset, "" when it has none."""
    name, *parameters = header.decode("latin-1").lower().split(";")
    for parameter in parameters:
        key, _, value = parameter.strip().partition("=")
        if key == "charset":
            return name.strip(), value.strip('"')
    return name.strip(), ""


def parse_body(body: bytes) -> GraphQLRequest:
    """Returns the request of a JSON body; raises BadRequest.

    A body without variables is sent again and again, by all users of a client, and parsed once.
    """
    has_none = b'"variables":{}' in body or b'"variables"' not in body
    is_common = has_none and len(body) <= LONGEST_CACHED_BODY
    return _parse_common_body(body) if is_common else _parse_body(body)


def _parse_body(body: bytes) -> GraphQLRequest:
    return parse_request(parse_json(body, "The body"))


# Nobody changes these requests.
_parse_common_body = lru_cache(256)(_parse_body)


def parse_request(content: Any) -> GraphQLRequest:
    """Returns the request of a JSON value; raises BadRequest when it is no GraphQL request."""
    if isinstance(content, list):
        message = (
            "Batches are not accepted: one slow operation would hold back the others. Send each "
            "operation as a request of its own, at the same time, over one connection."
        )
        raise BadRequest(400, "BAD_REQUEST", message)
    if not isinstance(content, dict):
        raise BadRequest(400, "BAD_REQUEST", "The body is not a JSON object.")
    # Over the few fields that were sent, which are fewer than those that may be.
    for name, value in content.items():
        kind = _TYPES.get(name)
        if kind is not None and value is not None and not isinstance(value, kind[0]):
            raise BadRequest(400, "BAD_REQUEST", f"`{name}` is not {kind[1]}.")
    # Clients of persisted queries send `"query": ""` or null with the hash.
    query, extensions = content.get("query") or "", content.get("extensions") or {}
    document_id, hashed = content.get("documentId"), extensions.get("persistedQuery")
    reference = None
    if document_id or hashed is not None:
        reference = read_reference(document_id, hashed, has_text=bool(query))
    if not query and reference is None:
        message = "The request has no `query` text, and no `documentId`."
        raise BadRequest(400, "BAD_REQUEST", message)
    return GraphQLRequest(
        query,
        content.get("variables"),
        content.get("operationName") or None,
        wants_cost=extensions.get("cost") is True,
        reference=reference,
    )
