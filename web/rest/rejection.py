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
"""How many rejected rows of a spreadsheet are said; the first message says how many there are."""

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
"""What an input of a unit of work is called here."""
_OF_THE_BASKET = frozenset(
    {
        RejectionCode.BASKET_NOT_FOUND,
        RejectionCode.BASKET_EMPTY,
        RejectionCode.IDEMPOTENCY_KEY_REUSED,
    }
)
"""Rejections of what there is, and not of the value of the input that they point to."""


class RejectedInput(Protocol):
    """A rejection, as it is raised or as it is answered."""

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
    """Answers with one sentence; an underscore in the name of a header stands for a hyphen."""
    response = json_response({"detail": detail}, status)
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response


def not_found() -> Response:
    """Answers that there is no such thing, or that it is somebody else's."""
    return detail_response(404, "Not found.")


def unauthenticated(has_header: bool) -> Response:
    """Answers to whoever has no valid token."""
    detail = (
        "Invalid token." if has_header else "Authentication credentials were not provided."
    )
    return detail_response(401, detail, WWW_Authenticate=CHALLENGE)


def not_allowed(method: str, allowed: Sequence[str]) -> Response:
    """Answers to a method that an address does not have."""
    return detail_response(405, f'Method "{method}" not allowed.', Allow=", ".join(allowed))


def invalid(messages: Mapping[str, Sequence[str]]) -> Response:
    """Answers to values that are rejected, by name of the field."""
    return json_response(messages, 400)


def rejected(
    rejections: Sequence[RejectedInput], row_errors: Sequence[ImportRowError] = ()
) -> Response:
    """Answers to an input that the domain rejects: 404 for a basket by its id, 503 for Commerce, 400 for the rest."""
    codes = {rejection.code for rejection in rejections}
    if RejectionCode.COMMERCE_UNAVAILABLE in codes:
        return detail_response(503, rejections[0].message)
    if any(
        rejection.code is RejectionCode.BASKET_NOT_FOUND and "basketId" in rejection.field
        for rejection in rejections
    ):
        return not_found()
    messages: dict[str, Any] = {}
    for rejection in rejections:
        messages.setdefault(_name_of(rejection), []).append(rejection.message)
    if row_errors:
        messages.setdefault("filename", []).extend(
            _row_text(error) for error in row_errors[:LISTED_ROWS]
        )
    return invalid(messages)


def _name_of(rejection: RejectedInput) -> str:
    if rejection.code in _OF_THE_BASKET:
        return NON_FIELD
    names = (FIELD_NAMES.get(part) for part in reversed(rejection.field))
    return next((name for name in names if name), NON_FIELD)


def _row_text(error: ImportRowError) -> str:
    place = f"Row {error.row}, {error.column}" if error.column else f"Row {error.row}"
    return f"{place}: {error.message}"
