"""Every way in which the domain refuses, as one tree.

Refusal                        one reason why an input was not accepted; carries a code, a message and a path
├── BasketNotFound
├── BasketEmpty
├── BasketNotDraft
├── BasketLimitExceeded
├── ProductNotFound
├── ProductNotInBasket
├── ProductUnavailable
├── CurrencyMismatch
├── DivisionNotFound
├── DivisionNotAllowed
├── DivisionInactive
├── InvalidQuantity
├── InvalidInput
├── NameRequired
├── VersionConflict
├── IdempotencyKeyReused
├── CommerceUnavailable
├── FileUnreadable
├── FileTooLarge
├── MissingColumn
└── InvalidRows
Refused                        raised: one refusal or several, with nothing changed
"""

from collections.abc import Sequence
from enum import StrEnum


class RefusalCode(StrEnum):
    """The codes that clients decide by."""

    BASKET_NOT_FOUND = "BASKET_NOT_FOUND"
    BASKET_EMPTY = "BASKET_EMPTY"
    BASKET_NOT_DRAFT = "BASKET_NOT_DRAFT"
    BASKET_LIMIT_EXCEEDED = "BASKET_LIMIT_EXCEEDED"
    PRODUCT_NOT_FOUND = "PRODUCT_NOT_FOUND"
    PRODUCT_NOT_IN_BASKET = "PRODUCT_NOT_IN_BASKET"
    PRODUCT_UNAVAILABLE = "PRODUCT_UNAVAILABLE"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    DIVISION_NOT_FOUND = "DIVISION_NOT_FOUND"
    DIVISION_NOT_ALLOWED = "DIVISION_NOT_ALLOWED"
    DIVISION_INACTIVE = "DIVISION_INACTIVE"
    INVALID_QUANTITY = "INVALID_QUANTITY"
    INVALID_INPUT = "INVALID_INPUT"
    NAME_REQUIRED = "NAME_REQUIRED"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    COMMERCE_UNAVAILABLE = "COMMERCE_UNAVAILABLE"
    FILE_UNREADABLE = "FILE_UNREADABLE"
    FILE_TOO_LARGE = "FILE_TOO_LARGE"
    MISSING_COLUMN = "MISSING_COLUMN"
    INVALID_ROWS = "INVALID_ROWS"


class Refused(Exception):
    """Raised when an input is not accepted; whatever the unit of work had changed is undone."""

    def __init__(self, refusals: Sequence["Refusal"]) -> None:
        super().__init__("; ".join(refusal.message for refusal in refusals))
        self.refusals = list(refusals)


class Refusal(Refused):
    """One reason, for a program (`code`), for a person (`message`) and as a path into the input (`field`)."""

    code: RefusalCode

    def __init__(self, message: str, *field: str) -> None:
        self.message = message
        self.field = field
        super().__init__([self])

    def beneath(self, *prefix: str) -> "Refusal":
        """Puts the path below another one: `quantity` becomes `items 3 quantity`."""
        self.field = (*prefix, *self.field)
        return self


class BasketNotFound(Refusal):
    """Raised when there is no such basket, or when it is not the caller's."""

    code = RefusalCode.BASKET_NOT_FOUND


class BasketEmpty(Refusal):
    """Raised when a basket without items is to become a quotation."""

    code = RefusalCode.BASKET_EMPTY


class BasketNotDraft(Refusal):
    """Raised when something that only drafts allow is asked of another basket."""

    code = RefusalCode.BASKET_NOT_DRAFT


class BasketLimitExceeded(Refusal):
    """Raised when a basket would hold more than it may."""

    code = RefusalCode.BASKET_LIMIT_EXCEEDED


class ProductNotFound(Refusal):
    """Raised when Commerce does not know a product."""

    code = RefusalCode.PRODUCT_NOT_FOUND


class ProductNotInBasket(Refusal):
    """Raised when a product is to be changed that the basket does not hold."""

    code = RefusalCode.PRODUCT_NOT_IN_BASKET


class ProductUnavailable(Refusal):
    """Raised when Commerce knows a product and does not sell it."""

    code = RefusalCode.PRODUCT_UNAVAILABLE


class CurrencyMismatch(Refusal):
    """Raised when the items of a basket would be priced in more than one currency."""

    code = RefusalCode.CURRENCY_MISMATCH


class DivisionNotFound(Refusal):
    """Raised when there is no such division."""

    code = RefusalCode.DIVISION_NOT_FOUND


class DivisionNotAllowed(Refusal):
    """Raised when a division exists and the caller may not buy for it."""

    code = RefusalCode.DIVISION_NOT_ALLOWED


class DivisionInactive(Refusal):
    """Raised when a division is closed, the caller's own one included."""

    code = RefusalCode.DIVISION_INACTIVE


class InvalidQuantity(Refusal):
    """Raised when a quantity is outside its limits."""

    code = RefusalCode.INVALID_QUANTITY


class InvalidInput(Refusal):
    """Raised when an input is well-formed GraphQL and still makes no sense."""

    code = RefusalCode.INVALID_INPUT


class NameRequired(Refusal):
    """Raised when a name is missing or blank."""

    code = RefusalCode.NAME_REQUIRED


class VersionConflict(Refusal):
    """Raised when the basket has moved on since the caller last saw it."""

    code = RefusalCode.VERSION_CONFLICT


class IdempotencyKeyReused(Refusal):
    """Raised when a key that was answered comes again with another input."""

    code = RefusalCode.IDEMPOTENCY_KEY_REUSED


class CommerceUnavailable(Refusal):
    """Raised when Commerce cannot be asked, or answers with what cannot be understood."""

    code = RefusalCode.COMMERCE_UNAVAILABLE


class FileUnreadable(Refusal):
    """Raised when an uploaded file is no spreadsheet, or a broken one."""

    code = RefusalCode.FILE_UNREADABLE


class FileTooLarge(Refusal):
    """Raised when an uploaded file is larger than allowed, as it is or unpacked."""

    code = RefusalCode.FILE_TOO_LARGE


class MissingColumn(Refusal):
    """Raised when a spreadsheet lacks a column that an import needs."""

    code = RefusalCode.MISSING_COLUMN


class InvalidRows(Refusal):
    """Raised when rows of a spreadsheet cannot be imported."""

    code = RefusalCode.INVALID_ROWS
