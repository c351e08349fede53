"""A request of the documented interface: its buyer, and the values of its query and body."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import QueryParams
from starlette.requests import Request

from resolvers.context import Context
from settings.options import Options
from web.http.bad_request import BadRequest
from web.http.body import check_length, read_body
from web.http.json_request import parse_json
from web.http.json_response import JSON
from web.rest.fields import SEGMENT, Fields, format_value
from web.rest.rejection import NON_FIELD, InvalidFields

FORM = "application/x-www-form-urlencoded"
KEY = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class RestRequest:
    """One request of a buyer."""

    http: Request
    context: Context
    options: Options

    @property
    def query(self) -> QueryParams:
        """The values of the query."""
        return self.http.query_params

    @property
    def basket_number(self) -> str:
        """The number of the basket in the address; empty, which finds no basket, if it is none."""
        text = str(self.http.path_params["basket_id"])
        return text if text.isdigit() else ""

    def read_key(self, fields: Fields) -> str | None:
        """Returns the idempotency key; a second header is a fault among those of the fields."""
        keys = self.http.headers.getlist(KEY)
        if len(keys) > 1:
            fields.reject(KEY, f"The header is sent {len(keys)} times; send one key.")
        return _decode_header(keys[0]) if keys else None

    def segment(self) -> int | None:
        """Returns the segment of a request without a body; raises InvalidFields."""
        fields = Fields(self.query)
        segment = fields.segment()
        fields.check()
        return segment

    async def fields(self) -> Fields:
        """Returns the values of the body; the segment of the query if the body has none."""
        return self.with_segment(await self.body())

    def with_segment(self, values: Mapping[str, Any]) -> Fields:
        """Returns values with the segment of the query if they have none."""
        # A segment in the values replaces the one of the query.
        return Fields({SEGMENT: self.query.get(SEGMENT), **values})

    def shared_inputs(self, fields: Fields) -> dict[str, Any]:
        """Returns the inputs common to all changes; raises InvalidFields for all fields read."""
        segment, key = fields.segment(), self.read_key(fields)
        fields.check()
        return {"segment_remote_id": segment, "idempotency_key": key}

    async def body(self) -> dict[str, Any]:
        """Returns the values of the body, JSON or a form; an empty one without a body.

        Raises BadRequest for an unreadable body, InvalidFields for JSON that is no object.
        """
        check_length(
            self.http.headers.get("content-length", ""), self.options.request_maximum_bytes
        )
        body = await read_body(self.http.receive, self.options.request_maximum_bytes)
        return _parse_values(body, _read_content_type(self.http)) if body.strip() else {}


def _decode_header(value: str) -> str:
    """Returns a header as UTF-8, as clients send it; Starlette decodes it as Latin-1."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


def _read_content_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def _parse_values(body: bytes, content_type: str) -> dict[str, Any]:
    # curl and some front ends call everything a form, also JSON.
    if content_type == FORM and not body.lstrip().startswith(b"{"):
        return _parse_form(body)
    if content_type not in ("", JSON, FORM):
        raise BadRequest(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            f'Unsupported media type "{content_type[:100]}" in request.',
        )
    values = parse_json(
        body, f"The body {format_value(body[:1_000].decode('utf-8', 'replace'))}"
    )
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InvalidFields(
            {NON_FIELD: [f"The body {format_value(values)} is not an object."]}
        )
    return values


def _parse_form(body: bytes) -> dict[str, Any]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        raise BadRequest(400, "BAD_REQUEST", "The form is not text in UTF-8.") from None
