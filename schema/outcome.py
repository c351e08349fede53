"""The results of the parts of an input, beside the basket after a change."""

import strawberry

from models.money import Cents
from schema.basket_item import BasketItem
from schema.scalars import described
from schema.user_error import ImportRowError


@strawberry.type(description="A change of a unit price, or of its currency, by a refresh.")
class PriceChange:
    product_remote_id: int = described("The product's identifier in Commerce.")
    sku: str = described("The product's stock keeping unit.")
    item: BasketItem | None = described(
        "The item, at its new price unless it is a dry run; for a retry as it is now, "
        "and null when it has left the basket."
    )
    old_price: Cents = described("The unit price before the refresh.")
    old_currency: str = described("Its currency.")
    new_price: Cents = described(
        "The unit price since the refresh, or in a dry run the one that the item would get."
    )
    new_currency: str = described("Its currency.")


@strawberry.type(description="What became of the rows of a spreadsheet.")
class ImportReport:
    rows_read: int = described(
        "How many rows the file has, empty ones and the header not counted."
    )
    rows_imported: int = described(
        "How many rows were added to the basket, or would be when it is a dry run."
    )
    row_errors: list[ImportRowError] = described(
        "The rows that were rejected; at most 1,000 are listed."
    )
