"""Rejections, as clients of Django REST Framework expect them."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from starlette.responses import Response

from models.rejections import RejectionCode
from schema.user_error import ImportRowError
from web.http.authentication import CHALLENGE
from web.http.json_response import json_response

NON_FIELD = "non_field_errors"
LISTED_ROWS = 100
"""The highest number of rejected rows that are listed; the first message counts all."""

FIELD_NAMES = {
    "productRemoteId": "product_remote_id",
    "divisionId": "division",
    "quantity": "quantity",
    "name": "name",
    "segmentRemoteId": "segment_remote_id",
    "file": "filename",
    "fields": "fields",
    "format": "format",
    "idempotencyKey": "Idempotency-Key",
}
"""The names of inputs of the units of work in this interface."""
_OF_THE_BASKET = frozenset(
    {
        RejectionCode.BASKET_NOT_FOUND,
        RejectionCode.BASKET_EMPTY,
        RejectionCode.IDEMPOTENCY_KEY_REUSED,
    }
)
"""Rejections for the state of the basket, not for the value of the input they point to."""


class RejectedInput(Protocol):
    """A rejection, as raised or as a user error."""

    @property
    def code(self) -> RejectionCode: ...
    @property
    def message(self) -> str: ...
    @property
    def field(self) -> Sequence[str]: ...


class InvalidFields(Exception):
    """Raised when values of a request cannot be read; carries the messages by name of the field."""

    def __init__(self, messages: Mapping[str, Sequence[str]]) -> None:
        super().__init__(messages)
        self.messages = messages


def detail_response(status: int, detail: str, **headers: str) -> Response:
    """Returns a response of one sentence; underscores in header names become hyphens."""
    response = json_response({"detail": detail}, status)
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response


def not_found_response() -> Response:
    """Returns 404, for a missing object and for another buyer's."""
    return detail_response(404, "Not found.")


def unauthenticated_response(has_header: bool) -> Response:
    """Returns 401 for a missing or an invalid token."""
    # The texts of Django REST Framework, which clients may compare.
    detail = (
        "Invalid token." if has_header else "Authentication credentials were not provided."
    )
    return detail_response(401, detail, WWW_Authenticate=CHALLENGE)


def not_allowed_response(method: str, allowed: Sequence[str]) -> Response:
    """Returns 405 with the methods of the address."""
    return detail_response(405, f'Method "{method}" not allowed.', Allow=", ".join(allowed))


def invalid_response(messages: Mapping[str, Sequence[str]]) -> Response:
    """Returns 400 with messages by name of the field."""
    return json_response(messages, 400)


def rejection_response(
    rejections: Sequence[RejectedInput], row_errors: Sequence[ImportRowError] = ()
) -> Response:
    """Returns the response to rejections: 404 for a basket by id, 503 for Commerce, else 400."""
    codes = {rejection.code for rejection in rejections}
    if RejectionCode.COMMERCE_UNAVAILABLE in codes:
        return detail_response(503, rejections[0].message)
    if any(
        rejection.code is RejectionCode.BASKET_NOT_FOUND and "basketId" in rejection.field
        for rejection in rejections
    ):
        return not_found_response()
    messages: dict[str, Any] = {}
    for rejection in rejections:
        messages.setdefault(_find_field_name(rejection), []).append(rejection.message)
    if row_errors:
        messages.setdefault("filename", []).extend(
            _format_row_error(error) for error in row_errors[:LISTED_ROWS]
        )
    return invalid_response(messages)


def _find_field_name(rejection: RejectedInput) -> str:
    if rejection.code in _OF_THE_BASKET:
        return NON_FIELD
    # The last part of the path that this interface has is the most specific one.
    names = (FIELD_NAMES.get(part) for part in reversed(rejection.field))
    return next((name for name in names if name), NON_FIELD)


def _format_row_error(error: ImportRowError) -> str:
    cell = f"Row {error.row}, {error.column}" if error.column else f"Row {error.row}"
    return f"{cell}: {error.message}"
