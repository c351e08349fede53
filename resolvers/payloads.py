"""The payloads of the mutations: the changes or the rejections, and the state after them."""

import strawberry

from resolvers.query import Query
from schema.basket import Basket
from schema.basket_export import BasketExport
from schema.basket_item import BasketItem
from schema.basket_problem import BasketProblem
from schema.line_outcome import LineOutcome
from schema.outcome import ImportReport, PriceChange
from schema.quotation import Quotation
from schema.scalars import described
from schema.user_error import UserError

OUTCOMES = (
    "One per line, in the order of the input; "
    "empty when the input was rejected for another reason than its lines."
)
GONE = "A retry gets it as it is now, and null when it is gone."
BASKET = f"The basket after the change; null when the input was rejected. {GONE}"
BASKET_OR_AS_IT_IS = (
    "The basket after the change, or as it is when nothing changed; "
    f"null when the input was rejected, and when there is no basket. {GONE}"
)
USER_ERRORS = "Why the input was rejected; empty when it was accepted."
REMOVED = "The items that this change took out of the basket."
ACCEPTED_COUNT = "How many lines were carried out, or in a dry run would be."


@strawberry.type
class Payload:
    """The fields that every payload has; no type of the schema by itself."""

    @strawberry.field(
        description="The state after the change, to be read in the same round trip."
    )
    def query(self) -> Query:
        return Query()


@strawberry.type(description="The answer to `basketItemsAdd`.")
class BasketItemsAddPayload(Payload):
    basket: Basket | None = described(BASKET_OR_AS_IT_IS)
    outcomes: list[LineOutcome] = described(OUTCOMES)
    accepted_count: int = described(ACCEPTED_COUNT)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketItemsSet`.")
class BasketItemsSetPayload(Payload):
    basket: Basket | None = described(BASKET_OR_AS_IT_IS)
    removed_item_ids: list[strawberry.ID] = described(REMOVED)
    outcomes: list[LineOutcome] = described(OUTCOMES)
    accepted_count: int = described(ACCEPTED_COUNT)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketItemUpdate`.")
class BasketItemUpdatePayload(Payload):
    basket: Basket | None = described(BASKET)
    removed_item_ids: list[strawberry.ID] = described(REMOVED)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketItemRemove`.")
class BasketItemRemovePayload(Payload):
    basket: Basket | None = described(BASKET)
    removed_item_ids: list[strawberry.ID] = described(REMOVED)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketClear`.")
class BasketClearPayload(Payload):
    basket: Basket | None = described(BASKET)
    removed_item_ids: list[strawberry.ID] = described(REMOVED)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketSave`.")
class BasketSavePayload(Payload):
    basket: Basket | None = described(BASKET)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketLoad`.")
class BasketLoadPayload(Payload):
    basket: Basket | None = described(BASKET)
    displaced_basket: Basket | None = described(
        "The basket that was active before and is now an unnamed draft; null when there was none. "
        + GONE
    )
    deleted_basket_id: strawberry.ID | None = described(
        "The empty active basket that vanished; null when there was none."
    )
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketDelete`.")
class BasketDeletePayload(Payload):
    deleted_basket_id: strawberry.ID | None = described(
        "The draft that was deleted; null when the input was rejected."
    )
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketRename`.")
class BasketRenamePayload(Payload):
    basket: Basket | None = described(BASKET)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketCopy`.")
class BasketCopyPayload(Payload):
    basket: Basket | None = described(BASKET_OR_AS_IT_IS)
    removed_item_ids: list[strawberry.ID] = described(REMOVED)
    outcomes: list[LineOutcome] = described(
        "The lines that were not carried out, at most 1,000, rejected ones first of all. "
        "`index` counts the chosen lines of the source: its products, each by its divisions."
    )
    accepted_count: int = described(ACCEPTED_COUNT)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketRefresh`.")
class BasketRefreshPayload(Payload):
    basket: Basket | None = described(BASKET)
    price_changes: list[PriceChange] = described(
        "The items whose unit price, or its currency, changed."
    )
    unavailable: list[BasketItem] = described(
        "The items that Commerce does not sell now; they stay in the basket at their price "
        "until they are removed. A retry leaves out those that have left the basket."
    )
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketRevert`.")
class BasketRevertPayload(Payload):
    basket: Basket | None = described(
        "The basket after the change, or as it is in a dry run; null when the input was rejected."
    )
    removed_item_ids: list[strawberry.ID] = described(REMOVED)
    outcomes: list[LineOutcome] = described(
        "The lines that were not carried out, at most 1,000, rejected ones first of all. "
        "A line is a product and a division whose quantity was another one at the version; "
        "`index` counts all of them."
    )
    accepted_count: int = described(ACCEPTED_COUNT)
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketImport`.")
class BasketImportPayload(Payload):
    basket: Basket | None = described(
        f"The basket after the import; null when it was rejected or a dry run. {GONE}"
    )
    report: ImportReport | None = described(
        "What became of the rows; null when the file could not be read."
    )
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `basketExport`.")
class BasketExportPayload(Payload):
    export: BasketExport | None = described(
        f"The export, not begun yet; null when the input was rejected. {GONE}"
    )
    user_errors: list[UserError] = described(USER_ERRORS)


@strawberry.type(description="The answer to `quotationRequest`.")
class QuotationRequestPayload(Payload):
    quotation: Quotation | None = described(
        f"The quotation; null when the input was rejected. {GONE}"
    )
    basket: Basket | None = described(
        f"The submitted basket; null when the input was rejected. {GONE}"
    )
    problems: list[BasketProblem] = described(
        "What stood in the way, when `userErrors` has BASKET_HAS_PROBLEMS. "
        "A retry leaves out those whose items have left the basket."
    )
    user_errors: list[UserError] = described(USER_ERRORS)
