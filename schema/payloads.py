"""The payloads of the mutations: what changed, or why nothing did."""

import strawberry

from models.errors import RefusalCode
from models.money import Cents
from schema.basket import Basket
from schema.basket_export import BasketExport
from schema.basket_item import BasketItem
from schema.quotation import Quotation
from schema.scalars import described
from schema.user_error import UserError

BASKET = "The basket after the change; null when the input was refused."
USER_ERRORS = "Why the input was refused; empty when it was accepted."


@strawberry.type(description="The answer to `basketItemsAdd`.")
class BasketItemsAddPayload:
    basket: Basket | None = described(BASKET)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketItemUpdate`.")
class BasketItemUpdatePayload:
    basket: Basket | None = described(BASKET)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketItemRemove`.")
class BasketItemRemovePayload:
    basket: Basket | None = described(BASKET)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketClear`.")
class BasketClearPayload:
    basket: Basket | None = described(BASKET)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketSave`.")
class BasketSavePayload:
    basket: Basket | None = described(BASKET)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketLoad`.")
class BasketLoadPayload:
    basket: Basket | None = described(BASKET)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketDelete`.")
class BasketDeletePayload:
    deleted_basket_id: strawberry.ID | None = described("The draft that was deleted; null when the input was refused.")
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="A change of a unit price, or of its currency, by a refresh.")
class PriceChange:
    product_remote_id: int = described("The product's identifier in Commerce.")
    sku: str = described("The product's stock keeping unit.")
    item: BasketItem | None = described("The item, at its new price.")
    old_price: Cents = described("The unit price before the refresh.")
    old_currency: str = described("Its currency.")
    new_price: Cents = described("The unit price since the refresh.")
    new_currency: str = described("Its currency.")


@strawberry.type(description="The answer to `basketRefresh`.")
class BasketRefreshPayload:
    basket: Basket | None = described(BASKET)
    price_changes: list[PriceChange] = described("The items whose unit price, or its currency, changed.")
    unavailable: list[BasketItem] = described(
        "The items that Commerce does not sell now; they stay in the basket at their price until they are removed."
    )
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="A row of a spreadsheet that was refused.")
class ImportRowError:
    row: int = described("The row's number as a spreadsheet shows it; the header is row 1.")
    column: str | None = described("The column that was refused; null when the whole row was.")
    value: str | None = described("The value found, cut at 100 characters; null when there was none.")
    code: RefusalCode = described("Why, for a program.")
    message: str = described("Why, for a person, naming the value that was refused and the limit.")


@strawberry.type(description="What became of the rows of a spreadsheet.")
class ImportReport:
    rows_read: int = described("How many rows the file has, empty ones and the header not counted.")
    rows_imported: int = described("How many rows were added to the basket, or would be when it is a dry run.")
    row_errors: list[ImportRowError] = described("The rows that were refused; at most 1,000 are listed.")


@strawberry.type(description="The answer to `basketImport`.")
class BasketImportPayload:
    basket: Basket | None = described("The basket after the import; null when it was refused or a dry run.")
    report: ImportReport | None = described("What became of the rows; null when the file could not be read.")
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketExport`.")
class BasketExportPayload:
    export: BasketExport | None = described("The export, not begun yet; null when the input was refused.")
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `quotationRequest`.")
class QuotationRequestPayload:
    quotation: Quotation | None = described("The quotation; null when the input was refused.")
    basket: Basket | None = described("The submitted basket; null when the input was refused.")
    user_errors: list[UserError] = described(USER_ERRORS)
