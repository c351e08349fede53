"""Rejections as data of the payload, never as GraphQL errors."""

import strawberry

from models.rejections import Rejection, RejectionCode
from schema.scalars import describe_enum, described

describe_enum(
    RejectionCode,
    "Why an input was rejected, for a program.",
    name="UserErrorCode",
    **{code.name: code.description for code in RejectionCode},
)


@strawberry.type(description="One reason why an input was rejected; nothing has changed.")
class UserError:
    code: RejectionCode = described("Why, for a program.")
    message: str = described(
        "Why, for a person, naming the value that was rejected and the limit."
    )
    field: list[str] = described(
        'Path into the input, for example ["items", "3", "quantity"].'
    )

    @classmethod
    def of(cls, rejection: Rejection) -> "UserError":
        """Returns the user error of a rejection."""
        return cls(
            code=rejection.code, message=rejection.message, field=list(rejection.field)
        )


@strawberry.type(description="A row of a spreadsheet that was rejected.")
class ImportRowError:
    row: int = described("The row's number as a spreadsheet shows it; the header is row 1.")
    column: str | None = described(
        "The column that was rejected; null when the whole row was."
    )
    value: str | None = described(
        "The value found, cut at 100 characters; null when there was none."
    )
    code: RejectionCode = described("Why, for a program.")
    message: str = described(
        "Why, for a person, naming the value that was rejected and the limit."
    )
