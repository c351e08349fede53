"""Refusals, as answered: data beside the payload, never GraphQL errors."""

import strawberry

from models.errors import Refusal, RefusalCode
from schema.scalars import describe_enum, described

describe_enum(
    RefusalCode,
    "Why an input was refused, for a program.",
    name="UserErrorCode",
    BASKET_NOT_FOUND="There is no such basket, or it is not the caller's.",
    BASKET_EMPTY="The basket has no items.",
    BASKET_NOT_DRAFT="The basket is not a draft.",
    BASKET_LIMIT_EXCEEDED="The basket would hold more than it may, or too many exports are not finished.",
    PRODUCT_NOT_FOUND="Commerce does not know the product.",
    PRODUCT_NOT_IN_BASKET="The basket does not hold the product.",
    PRODUCT_UNAVAILABLE="Commerce does not sell the product now.",
    CURRENCY_MISMATCH="The product is priced in another currency than the basket.",
    DIVISION_NOT_FOUND="There is no such division.",
    DIVISION_NOT_ALLOWED="The caller may not buy for the division.",
    DIVISION_INACTIVE="The division is inactive.",
    INVALID_QUANTITY="The quantity is outside its limits.",
    INVALID_INPUT="The input makes no sense as it is.",
    NAME_REQUIRED="A name is missing or blank.",
    VERSION_CONFLICT="The basket has moved on since the caller last saw it.",
    IDEMPOTENCY_KEY_REUSED="The key was used before with another input.",
    FILE_UNREADABLE="The file is no spreadsheet, or a broken one.",
    FILE_TOO_LARGE="The file is larger than allowed, as it is or unpacked.",
    MISSING_COLUMN="The spreadsheet lacks a column.",
    INVALID_ROWS="Rows of the spreadsheet cannot be imported; the report lists them.",
    COMMERCE_UNAVAILABLE="Commerce cannot be asked now; trying again later may help.",
)


@strawberry.type(description="One reason why an input was refused; nothing has changed.")
class UserError:
    code: RefusalCode = described("Why, for a program.")
    message: str = described(
        "Why, for a person, naming the value that was refused and the limit."
    )
    field: list[str] = described(
        'Path into the input, for example ["items", "3", "quantity"].'
    )

    @classmethod
    def of(cls, refusal: Refusal) -> "UserError":
        """Makes the answer from the refusal."""
        return cls(code=refusal.code, message=refusal.message, field=list(refusal.field))


@strawberry.type(description="A row of a spreadsheet that was refused.")
class ImportRowError:
    row: int = described("The row's number as a spreadsheet shows it; the header is row 1.")
    column: str | None = described(
        "The column that was refused; null when the whole row was."
    )
    value: str | None = described(
        "The value found, cut at 100 characters; null when there was none."
    )
    code: RefusalCode = described("Why, for a program.")
    message: str = described(
        "Why, for a person, naming the value that was refused and the limit."
    )
