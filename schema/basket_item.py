"""The items of a basket, as they are shown."""

from collections.abc import Mapping

import strawberry

from models.basket.rows import FullBasket, Parts
from models.basket.tables import BasketStatus
from models.money import Cents
from schema.division import Division
from schema.node import IdKind, Node, id_of
from schema.page import PageInfo
from schema.product import Product
from schema.scalars import described


@strawberry.type(description="The quantity of an item for one division.")
class BasketItemDivision(Node):
    id: strawberry.ID = described("The id of this division's part of the item.")
    division: Division = described("The division that the quantity is for.")
    quantity: int = described("How many pieces are for the division.")
    total_amount: Cents = described("The item's price times this quantity.")


@strawberry.type(
    description="One product of a basket, with its quantities for one or more divisions."
)
class BasketItem(Node):
    id: strawberry.ID = described("The item's id.")
    product_remote_id: int = described("The product's identifier in Commerce.")
    product: Product = described(
        "The product as Commerce last described it; in a submitted basket as of its submission."
    )
    price: Cents = described(
        "The unit price when the product was added or last refreshed, one for all divisions."
    )
    quantity: int = described("The sum of the quantities for all divisions.")
    total_amount: Cents = described("The price times the quantity.")
    divisions: list[BasketItemDivision] = described(
        "The divisions that the product is for, in the order first added."
    )

    @classmethod
    def of(
        cls, basket: FullBasket, index: int, parts: Parts, divisions: Mapping[int, Division]
    ) -> "BasketItem":
        """Makes the item at an index of a basket, of its parts and the divisions by their ids."""
        number, price = basket.item_ids[index], basket.prices[index]
        # A submitted basket holds snapshots of products, whose ids are made from the items' ids.
        is_submitted = basket.columns["status"] == BasketStatus.SUBMITTED
        columns = {
            **basket.products[index].columns,
            "refreshed_at": basket.refreshed_at[index],
        }
        quantity = sum(parts[1])
        return cls(
            id=id_of(IdKind.BASKET_ITEM, number),
            product_remote_id=columns["remote_id"],
            product=Product.of(columns, number if is_submitted else None),
            price=Cents(price),
            quantity=quantity,
            total_amount=Cents(price * quantity),
            divisions=[
                BasketItemDivision(
                    id=id_of(IdKind.BASKET_ITEM_DIVISION, number, division),
                    division=divisions[division],
                    quantity=part,
                    total_amount=Cents(price * part),
                )
                for division, part in zip(*parts, strict=True)
            ],
        )


@strawberry.type(description="An item in a page, with its cursor.")
class BasketItemEdge:
    node: BasketItem = described("The item.")
    cursor: str = described("Where the item stands in the list, to be sent as `after`.")


@strawberry.type(description="A page of a basket's items.")
class BasketItemConnection:
    edges: list[BasketItemEdge] = described(
        "The items of the page, in the order first added."
    )
    page_info: PageInfo = described("Where the page stands in the list.")
    total_count: int = described("How many items the basket has.")
