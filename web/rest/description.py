"""The OpenAPI description of the interface; a test compares both by schemathesis."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from models.export.export import ExportField, ExportFormat
from text import MAXIMUM_LENGTH
from web.http.json_response import json_response
from web.rest.fields import LARGEST
from web.rest.page import DEFAULT_SIZE, MAXIMUM_SIZE
from web.rest.schemas import IDENTIFIER, SCHEMAS, Schema, list_schema, reference

ABOUT = (
    "The documented REST interface of the basket server, for clients that already speak it; new "
    "ones use GraphQL. Every address is served below `/api/v1` and `/b2b`, and `my-divisions/` and "
    "`my-quotations/` also below `basket/` there. Addresses end with a slash; a GET without one is "
    "redirected."
)
TOKEN_ABOUT = "`Token …` or `Bearer …`, with the token of an active user."  # noqa: S105


def _describe_response(description: str, schema: Schema) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _describe_detail(description: str, **headers: str) -> dict[str, Any]:
    # Keyword arguments cannot hold the hyphens of header names.
    described = {
        name.replace("_", "-"): {
            "description": text,
            "required": True,
            "schema": {"type": "string"},
        }
        for name, text in headers.items()
    }
    return _describe_response(description, reference("Detail")) | {"headers": described}


RESPONSES = {
    "400": _describe_response(
        "The request is rejected, and nothing has changed.", reference("FieldErrors")
    ),
    "401": _describe_detail(
        "There is no valid token.", WWW_Authenticate="How to authenticate."
    ),
    "404": _describe_detail("There is no such thing, or it is somebody else's."),
    "405": _describe_detail(
        "The address does not have this method.", Allow="The methods that it has."
    ),
    "413": _describe_detail("The body is too large."),
    "415": _describe_detail("The body has another type than the one described."),
    "429": _describe_detail(
        "Too many requests came.", Retry_After="After how many seconds to try again."
    ),
    "500": _describe_detail("A fault on our side."),
    "503": _describe_detail(
        "Commerce or the database cannot be asked now; trying again later may help."
    ),
}


def _describe_parameter(
    name: str, description: str, schema: Schema, place: str = "query"
) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "description": description,
        "schema": schema,
        "required": place == "path",
    }


SEGMENT_PARAMETER = _describe_parameter(
    "segment_remote_id",
    "The customer segment; none when it is left out or empty. The one of the body goes first.",
    {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": LARGEST},
            {"type": "string", "maxLength": 0},
        ]
    },
)
KEY_PARAMETER = _describe_parameter(
    "Idempotency-Key",
    "A retry with the same key and the same input gets the first response and changes nothing "
    "more, for 24 hours. Not blank; characters beyond ASCII in UTF-8.",
    {"type": "string", "pattern": f"^[!-~]{{1,{MAXIMUM_LENGTH}}}$"},
    "header",
)
CHANGING = [SEGMENT_PARAMETER, KEY_PARAMETER]
PAGING = [
    _describe_parameter(
        "page",
        "The page, counted from 1.",
        {"type": "integer", "minimum": 1, "maximum": LARGEST},
    ),
    *(
        _describe_parameter(
            name,
            f"Entries per page; {DEFAULT_SIZE} when left out. `limit` goes before `page_size`.",
            {"type": "integer", "minimum": 1, "maximum": MAXIMUM_SIZE},
        )
        for name in ("limit", "page_size")
    ),
]
EXPORTING = [
    _describe_parameter(
        "fields",
        "Asks for an export with these columns, repeated or with commas between.",
        {
            "type": "array",
            "items": {"enum": list(ExportField)},
            "minItems": 1,
            "uniqueItems": True,
        },
    ),
    _describe_parameter(
        "format",
        "Asks for an export in this format; xls when left out.",
        {"enum": list(ExportFormat)},
    ),
    _describe_parameter(
        "status_cache_key",
        "Asks how far an export is, by its cache key.",
        {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    ),
]


def _describe_operation(
    name: str,
    summary: str,
    answer: Schema,
    *,
    parameters: list[dict[str, Any]],
    body: str | None = None,
    media_type: str = "application/json",
    is_required: bool = True,
) -> dict[str, Any]:
    operation = {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": {"200": _describe_response("It is done.", answer)}
        | {status: {"$ref": f"#/components/responses/{status}"} for status in RESPONSES},
    }
    if body:
        content = {media_type: {"schema": reference(body)}}
        operation["requestBody"] = {"required": is_required, "content": content}
    return operation


BASKET = reference("Basket")
PATHS: dict[str, Any] = {
    "/basket/": {
        "get": _describe_operation(
            "readBasket",
            "The active basket; or with `fields` or `format` an export of it; "
            "or with `status_cache_key` its state.",
            {"oneOf": [BASKET, reference("ExportKey"), reference("ExportState")]},
            parameters=[SEGMENT_PARAMETER, *EXPORTING, KEY_PARAMETER],
        ),
        "post": _describe_operation(
            "addItem",
            "Adds a quantity of a product for a division.",
            BASKET,
            parameters=CHANGING,
            body="ItemAddition",
        ),
        "put": _describe_operation(
            "updateItem",
            "Sets the quantity of a product for a division.",
            BASKET,
            parameters=CHANGING,
            body="ItemUpdate",
        ),
        "delete": _describe_operation(
            "removeItem",
            "Removes a product, for all divisions.",
            BASKET,
            parameters=CHANGING,
            body="ItemRemoval",
        ),
    },
    "/basket/drafts/": {
        "get": _describe_operation(
            "listDrafts",
            "All drafts, or those of one segment, most recently saved first.",
            list_schema(reference("Draft")),
            parameters=[SEGMENT_PARAMETER],
        )
    },
    "/basket/save/": {
        "post": _describe_operation(
            "saveBasket",
            "Keeps the active basket as a draft.",
            BASKET,
            parameters=CHANGING,
            body="Saving",
            is_required=False,
        )
    },
    "/basket/{basket_id}/load/": {
        "post": _describe_operation(
            "loadBasket",
            "Makes a draft the active basket; one with items that was active "
            "becomes an unnamed draft.",
            BASKET,
            parameters=[
                _describe_parameter(
                    "basket_id", "The draft's identifier.", IDENTIFIER, "path"
                ),
                KEY_PARAMETER,
            ],
            body="Loading",
            is_required=False,
        )
    },
    "/basket/bulk-import/": {
        "post": _describe_operation(
            "importFile",
            "Adds the rows of a spreadsheet (product__sku, quantity, division__erp_code): "
            "all of them, or none.",
            reference("Imported"),
            parameters=CHANGING,
            body="Import",
            media_type="multipart/form-data",
        )
    },
    "/my-divisions/": {
        "get": _describe_operation(
            "listDivisions",
            "The caller's division and those below it, closed ones too.",
            reference("DivisionPage"),
            parameters=PAGING,
        )
    },
    "/my-quotations/": {
        "get": _describe_operation(
            "listQuotations",
            "The caller's quotations, newest first.",
            reference("QuotationPage"),
            parameters=PAGING,
        ),
        "post": _describe_operation(
            "requestQuotation",
            "Submits the active basket, which can no longer change then.",
            BASKET,
            parameters=CHANGING,
            body="QuotationRequest",
        ),
    },
}
DESCRIPTION_WITHOUT_SERVERS: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Basket server", "version": "1", "description": ABOUT},
    "security": [{"token": []}],
    "paths": PATHS,
    "components": {
        "schemas": SCHEMAS,
        "responses": RESPONSES,
        "securitySchemes": {
            "token": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": TOKEN_ABOUT,
            }
        },
    },
}


class OpenApi:
    """The endpoint of the description."""

    def __init__(self, root_path: str, prefixes: Sequence[str]) -> None:
        servers = [{"url": f"{root_path}{prefix}"} for prefix in prefixes]
        self._description = DESCRIPTION_WITHOUT_SERVERS | {"servers": servers}

    async def respond(self, request: Request) -> Response:
        """Returns the description, to everybody."""
        return json_response(self._description)
