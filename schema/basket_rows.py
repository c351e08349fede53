"""Baskets, as they are shown, made of the rows that were read."""

from collections.abc import Iterator, Sequence
from typing import cast

from models.basket.rows import BasketRows, BasketSince, BasketSummary, FullBasket
from models.basket.tables import BASKET, BasketStatus
from models.rejections import newer_rejection
from schema.basket import Basket
from schema.basket_item import BasketItem
from schema.columns import column_fields, field_reader
from schema.item_rows import ItemRows
from schema.node import IdKind, id_of
from schema.page import PreparedPages


class ItemsNotRead(list[BasketItem]):
    """Placeholder for items that were not loaded; iterating it is a bug."""

    def __iter__(self) -> Iterator[BasketItem]:
        raise RuntimeError(
            "Only the summary of this basket was read, and its items are selected."
        )


_read_columns = field_reader(
    column_fields(
        Basket,
        BASKET,
        computed=(
            *("id", "number", "status", "segment_remote_id"),
            *("items", "since", "change_pages", "found_problems"),
        ),
    )
)


class Statuses(dict[str, BasketStatus]):
    """The statuses by their words; raises INVALID_INPUT for one that only a newer server knows."""

    def __missing__(self, word: str) -> BasketStatus:
        raise newer_rejection("basket", f"{word!r} is not a valid BasketStatus")


# A look-up takes a tenth of the time of calling the enum.
_STATUSES = Statuses({status.value: status for status in BasketStatus})
_ITEMS_NOT_READ = ItemsNotRead()


def baskets_from_rows(read: BasketRows) -> list[Basket]:
    """Makes the baskets that were read, in their order."""
    return [_basket(basket) for basket in read.baskets]


def _basket(basket: BasketSummary | BasketSince | FullBasket) -> Basket:
    columns = basket.columns
    return Basket(
        id=id_of(IdKind.BASKET, columns["id"]),
        number=columns["id"],
        status=_STATUSES[columns["status"]],
        # No segment is stored as 0, because a unique index takes two nulls for different.
        segment_remote_id=columns["segment"] or None,
        # A sequence that makes its items when they are used, which the declared type cannot say.
        items=cast(list[BasketItem], _items(basket)),
        since=basket if isinstance(basket, BasketSince) else None,
        change_pages=PreparedPages(),
        found_problems=[],
        **_read_columns(columns),
    )


def _items(basket: BasketSummary | BasketSince | FullBasket) -> Sequence[BasketItem]:
    if isinstance(basket, FullBasket):
        return ItemRows(basket)
    if isinstance(basket, BasketSince) and basket.has_all_items and basket.items:
        return ItemRows(basket.items)
    return _ITEMS_NOT_READ
