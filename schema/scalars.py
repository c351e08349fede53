"""The scalars: amounts as exact decimals, and JSON."""

from enum import StrEnum
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from starlette.datastructures import UploadFile
from strawberry.schema.config import StrawberryConfig

from models.money import Cents, format_amount
from models.timestamps import Timestamp

JSON = NewType("JSON", object)

Upload = NewType("Upload", UploadFile)


def _real_file(value: object) -> UploadFile:
    if not isinstance(value, UploadFile):
        raise GraphQLError(
            "An Upload is a file of a multipart request; nothing else is taken for one."
        )
    return value


CONFIGURATION = StrawberryConfig(
    scalar_map={
        Cents: strawberry.scalar(
            name="Decimal",
            description='An exact decimal, sent as a string: "81.65".',
            serialize=format_amount,
            specified_by_url="https://www.w3.org/TR/xmlschema11-2/#decimal",
        ),
        Timestamp: strawberry.scalar(
            name="DateTime",
            description="A moment in ISO 8601, with its offset from UTC: "
            '"2026-11-23T14:05:00.000000+00:00".',
            # Timestamps are texts already, as the database wrote them.
            serialize=lambda value: value,
            specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        ),
        Upload: strawberry.scalar(
            name="Upload",
            description="A file, sent by the multipart request specification of GraphQL.",
            parse_value=_real_file,
            specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
        ),
        JSON: strawberry.scalar(
            name="JSON",
            description="Any JSON value; for `variants` it is an object of names and texts.",
            serialize=lambda value: value,
            specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        ),
    }
)


def describe_enum(
    enum: type[StrEnum], description: str, *, name: str | None = None, **values: str
) -> None:
    """Makes a domain's enum part of the schema, with a description of itself and of each value."""
    strawberry.enum(enum, name=name, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]


def described(description: str) -> Any:
    """Declares a plain field with its description."""
    return strawberry.field(description=description)
