"""The JSON schemas of requests and responses, for the OpenAPI description."""

from typing import Any

from models.basket.tables import MAXIMUM_QUANTITY
from models.export.export import ExportStatus
from models.quotation import QuotationStatus
from text import MAXIMUM_LENGTH
from web.rest.fields import LARGEST

Schema = dict[str, Any]


def reference(name: str) -> Schema:
    """Returns a reference to one of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_schema(item: Schema) -> Schema:
    """Returns the schema of a list."""
    return {"type": "array", "items": item}


def record_schema(required: Schema, optional: Schema | None = None) -> Schema:
    """Returns the schema of a response with these values and no others."""
    properties = required | (optional or {})
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def number_schema(least: int, greatest: int, description: str) -> Schema:
    """Returns the schema of a whole number that may be sent as a text."""
    choices = [
        {"type": "integer", "minimum": least, "maximum": greatest},
        {"type": "string", "pattern": "^[0-9]{1,9}$"},
    ]
    return {"anyOf": choices, "description": description}


def _page_schema(of: str) -> Schema:
    address = {"type": ["string", "null"], "format": "uri"}
    entries = list_schema(reference(of))
    return record_schema(
        {
            "count": {"type": "integer"},
            "next": address,
            "previous": address,
            "results": entries,
        }
    )


def _body_schema(
    required: Schema, optional: Schema | None = None, **example: Any
) -> Schema:
    properties = required | (optional or {}) | {"segment_remote_id": SEGMENT}
    body = {"type": "object", "properties": properties, "required": list(required)}
    return body | ({"examples": [example]} if example else {})


AMOUNT: Schema = {"type": "string", "pattern": r"^[0-9]+\.[0-9]{2}$", "examples": ["81.65"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
IDENTIFIER: Schema = {"type": "integer", "minimum": 1}
TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": MAXIMUM_LENGTH}
SEGMENT: Schema = {
    "anyOf": [
        {"type": ["integer", "null"], "minimum": 1, "maximum": LARGEST},
        {"type": "string", "pattern": "^([1-9][0-9]{0,8})?$"},
    ],
    "description": "The customer segment; none when it is left out, null or empty.",
}
_PRODUCT = number_schema(1, LARGEST, "The product's identifier in Commerce.")
_DIVISION = number_schema(1, LARGEST, "Our identifier of the division.")
_OPTIONAL_NAME = NAME | {
    "type": ["string", "null"],
    "description": "The draft's name; none when it is left out.",
}

SCHEMAS: dict[str, Schema] = {
    "FieldErrors": {
        "type": "object",
        "description": "The reasons of the rejection by the name of the value, "
        "or `non_field_errors`. Nothing has changed.",
        "additionalProperties": list_schema(TEXT),
        "minProperties": 1,
    },
    "Detail": record_schema({"detail": TEXT}),
    "Basket": record_schema(
        {
            "id": {
                "type": ["integer", "null"],
                "description": "Null until something is added.",
            },
            "total_amount": AMOUNT,
            "total_quantity": COUNT,
            "basket_items": list_schema(reference("BasketItem")),
            "segment_remote_id": {"type": ["integer", "null"]},
        }
    ),
    "BasketItem": record_schema(
        {
            "total_amount": AMOUNT,
            "price": AMOUNT,
            "quantity": COUNT,
            "divisions": list_schema(reference("ItemDivision")),
            "product": reference("Product"),
            "product_remote_id": IDENTIFIER,
        }
    ),
    "ItemDivision": record_schema(
        {"id": IDENTIFIER, "name": TEXT, "erp_code": TEXT, "quantity": COUNT}
    ),
    "Product": record_schema(
        {"sku": TEXT},
        {
            "name": TEXT,
            "price": AMOUNT,
            "currency": TEXT,
            "variants": {"type": "object"},
            "product_image": TEXT,
        },
    ),
    "Draft": record_schema(
        {
            "id": IDENTIFIER,
            "name": {"type": ["string", "null"]},
            "total_amount": {"type": "number", "minimum": 0},
            "total_quantity": COUNT,
        }
    ),
    "ItemAddition": _body_schema(
        {
            "product_remote_id": _PRODUCT,
            "division": _DIVISION,
            "quantity": number_schema(1, MAXIMUM_QUANTITY, "How many pieces to add."),
        },
        product_remote_id=1,
        division=1,
        quantity=3,
    ),
    "ItemUpdate": _body_schema(
        {
            "product_remote_id": _PRODUCT,
            "division": _DIVISION,
            "quantity": number_schema(
                0,
                MAXIMUM_QUANTITY,
                "The quantity to set; 0 removes the product for the division.",
            ),
        },
        product_remote_id=1,
        division=1,
        quantity=2,
    ),
    "ItemRemoval": _body_schema({"product_remote_id": _PRODUCT}, product_remote_id=1),
    "Saving": _body_schema({}, {"name": _OPTIONAL_NAME}, name="Basket 1")
    | {"type": ["object", "null"]},
    "Loading": {"type": ["object", "null"]},
    "QuotationRequest": _body_schema({"name": NAME}, name="Quotation 1"),
    "Import": _body_schema(
        {
            "filename": {
                "type": "string",
                "format": "binary",
                "description": "An xls, xlsx, ods or csv file.",
            }
        }
    ),
    "Imported": record_schema({"message": {"const": "File imported successfully."}}),
    "ExportKey": record_schema(
        {"cache_key": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}
    ),
    "ExportState": record_schema(
        {
            "is_ready": {"type": "boolean"},
            "url": {"type": ["string", "null"], "format": "uri"},
            "status": {"enum": [status.lower() for status in ExportStatus]},
        }
    ),
    "Division": record_schema(
        {
            "id": IDENTIFIER,
            "name": TEXT,
            "division_type": {"enum": ["main", "sub"]},
            "parent": {
                "type": ["integer", "null"],
                "description": "The identifier of the division above.",
            },
            "erp_code": TEXT,
            "is_active": {"type": "boolean"},
        }
    ),
    "Quotation": record_schema(
        {
            "id": IDENTIFIER,
            "name": TEXT,
            "status": {"enum": [status.lower() for status in QuotationStatus]},
            "total_amount": AMOUNT,
            "currency": TEXT,
            "basket": IDENTIFIER,
            "created_at": {"type": "string", "format": "date-time"},
        }
    ),
    "DivisionPage": _page_schema("Division"),
    "QuotationPage": _page_schema("Quotation"),
}
