"""The items of a basket, as answered."""

from collections.abc import Sequence

import strawberry

from models.basket_reading import ITEM_COLUMNS_BEGIN
from models.division import division_of
from models.money import Cents
from models.statement import Row
from schema.division import Division
from schema.page import PageInfo
from schema.product import Product
from schema.scalars import described

# The columns of a whole read, by place: reading by name costs half as much again.
_ITEM, _PRICE, _CURRENCY, _QUANTITY, _PRODUCT = range(ITEM_COLUMNS_BEGIN, ITEM_COLUMNS_BEGIN + 5)
_DIVISION = _PRODUCT + 9


@strawberry.type(description="The quantity of an item for one division.")
class BasketItemDivision:
    division: Division = described("The division that the quantity is for.")
    quantity: int = described("How many pieces are for the division.")
    total_amount: Cents = described("The item's price times this quantity.")


@strawberry.type(description="One product of a basket, with its quantities for one or more divisions.")
class BasketItem:
    id: strawberry.ID = described("Our identifier of the item.")
    product_remote_id: int = described("The product's identifier in Commerce.")
    product: Product = described("The product as Commerce last described it.")
    price: Cents = described("The unit price when the product was added or last refreshed, one for all divisions.")
    quantity: int = described("The sum of the quantities for all divisions.")
    total_amount: Cents = described("The price times the quantity.")
    divisions: list[BasketItemDivision] = described("The divisions that the product is for, in the order first added.")
    currency: strawberry.Private[str]

    @classmethod
    def of(cls, rows: Sequence[Row], divisions: dict[int, Division]) -> "BasketItem":
        """Makes the answer from the rows of one item; `divisions` keeps those already made, by id."""
        first = rows[0]
        price = first[_PRICE]
        parts = [_division_part(row, price, divisions) for row in rows]
        quantity = sum(part.quantity for part in parts)
        product = Product.of(first, _PRODUCT)
        return cls(
            id=strawberry.ID(str(first[_ITEM])),
            product_remote_id=product.remote_id,
            product=product,
            price=price,
            quantity=quantity,
            total_amount=Cents(price * quantity),
            divisions=parts,
            currency=first[_CURRENCY],
        )


def _division_part(row: Row, price: int, divisions: dict[int, Division]) -> BasketItemDivision:
    key = row[_DIVISION]
    division = divisions.get(key)
    if division is None:
        division = divisions[key] = Division.of(division_of(row, _DIVISION))
    quantity = row[_QUANTITY]
    return BasketItemDivision(division=division, quantity=quantity, total_amount=Cents(price * quantity))


def item_id(row: Row) -> int | None:
    """Returns the item that a row of a whole read belongs to; None for a basket without items."""
    identifier: int | None = row[_ITEM]
    return identifier


@strawberry.type(description="An item in a page, with its cursor.")
class BasketItemEdge:
    node: BasketItem = described("The item.")
    cursor: str = described("Where the item stands in the list, to be sent as `after`.")


@strawberry.type(description="A page of a basket's items.")
class BasketItemConnection:
    edges: list[BasketItemEdge] = described("The items of the page, in the order first added.")
    page_info: PageInfo = described("Where the page stands in the list.")
    total_count: int = described("How many items the basket has.")
