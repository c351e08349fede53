"""Reading baskets: each read is one statement, with the items or with their sums instead.

A read with items has the ids and revisions of products and divisions. Those that the catalogue does
not have are read by one further statement each.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from models.basket.catalogue import Catalogue, LookUp
from models.basket.rows import BasketRows, BasketSince, BasketSummary, FullBasket
from models.basket.tables import BASKET
from models.database.statements import Row, load_statements
from models.history.lines import FORMAT

AnyBasket = TypeVar("AnyBasket")

ATTEMPTS = 20
"""Attempts at a read of items between whose statements products or divisions change each time."""
MAXIMUM_LINES = 50_000
"""The most lines of changes that a read since a version takes; beyond, it takes all items."""


@dataclass(frozen=True, slots=True)
class Wants:
    """The parts of a basket that a read is for, besides its columns and sums.

    `since` is the version, at least 1, since which the changes are read, with the items that they
    name. Where they do not reach back so far, or are too many, all items are read. `refreshed_at`
    is whether anything is shown of the products that their revisions do not cover.
    """

    items: bool = False
    since: int | None = None
    refreshed_at: bool = True

    @property
    def only_items(self) -> bool:
        """Whether items are wanted without the changes since a version."""
        return self.items and self.since is None

    @property
    def is_summary(self) -> bool:
        """Whether neither items nor changes are wanted."""
        return not self.items and self.since is None

    @property
    def has_known_items(self) -> bool:
        """Whether the items of a basket at a known version are all that is wanted of them."""
        return self.only_items and not self.refreshed_at


SUMMARY = Wants()
"""The columns of a basket and its sums."""
ITEMS = Wants(items=True)
"""All items of a basket."""


class BasketRead:
    """One way to choose baskets and, by a condition on them, the items of a full read."""

    def __init__(
        self,
        condition: str,
        order: str = "b.id",
        items: str = "",
        sqlite_condition: str | None = None,
    ) -> None:
        self.condition = condition
        self.order = order
        statements = load_statements(
            __file__,
            basket_object=BASKET.json_object("b"),
            condition=condition,
            sqlite_condition=sqlite_condition or condition,
            items=items,
            order=order,
            known_format=FORMAT,
            maximum_lines=MAXIMUM_LINES,
        )
        self._full = statements["full"]
        self._since = statements["since"]
        self._summary = statements["summary"]

    async def summaries(self, **values: object) -> Sequence[BasketSummary]:
        """Reads the chosen baskets with the sums of their items."""
        return [BasketSummary.from_row(row) for row in await self._summary.rows(**values)]

    async def read(
        self, catalogue: Catalogue, wants: Wants, **values: object
    ) -> BasketRows:
        """Reads the chosen baskets with the parts that `wants` names, all of one snapshot."""
        if wants.since is not None:
            return await self._read_since(catalogue, wants, **values)
        if not wants.items:
            return BasketRows(await self.summaries(**values), full=False)
        return await self.complete(catalogue, await self._full.rows(**values), **values)

    async def _read_since(
        self, catalogue: Catalogue, wants: Wants, **values: object
    ) -> BasketRows:
        async def read() -> Sequence[Row]:
            return await self._since.rows(
                since=wants.since, with_items=wants.items, **values
            )

        baskets = await _complete(catalogue, BasketSince.from_row, await read(), read)
        return BasketRows(baskets, full=wants.items)

    async def complete(
        self, catalogue: Catalogue, rows: Sequence[Row], **values: object
    ) -> BasketRows:
        """Returns the baskets of the rows of a full read, with their products and divisions."""

        async def read() -> Sequence[Row]:
            return await self._full.rows(**values)

        baskets = await _complete(catalogue, FullBasket.from_row, rows, read)
        return BasketRows(baskets, full=True)


async def _complete(
    catalogue: Catalogue,
    from_row: Callable[[Row, LookUp], AnyBasket],
    rows: Sequence[Row],
    read_again: Callable[[], Awaitable[Sequence[Row]]],
) -> Sequence[AnyBasket]:
    """Returns the baskets of rows with their products and divisions.

    Where one of those has changed since, the chosen baskets are read again: an answer never
    mixes an old basket with a new product.
    """
    look_up = LookUp(catalogue)
    for _ in range(ATTEMPTS):
        baskets = [from_row(row, look_up) for row in rows]
        if look_up.is_complete():
            return baskets
        await look_up.read_missing()
        baskets = [from_row(row, look_up) for row in rows]
        if look_up.is_complete():
            return baskets
        # A product is at another revision than the basket names: the basket is out of date.
        look_up.begin_again()
        rows = await read_again()
    raise RuntimeError(f"Products changed between all {ATTEMPTS} readings of a basket.")


ACTIVE = BasketRead("b.user_id = :user_id AND b.segment = :segment AND b.status = 'ACTIVE'")
"""The active basket of `user_id` and `segment`."""

ALL_ACTIVE = BasketRead(
    "b.user_id = :user_id AND b.status = 'ACTIVE'", order="b.segment, b.id"
)
"""All active baskets of `user_id`."""

OWN = BasketRead("b.user_id = :user_id AND b.id = :basket_id")
"""The basket `basket_id`, if it belongs to `user_id`."""

OWN_BASKETS = BasketRead(
    "b.user_id = :user_id AND b.id = ANY(:basket_ids::bigint[])",
    sqlite_condition="b.user_id = :user_id "
    "AND b.id IN (SELECT value FROM json_each(:basket_ids))",
)
"""Those of the baskets `basket_ids` that belong to `user_id`."""

OWN_ITEM = BasketRead(
    "b.user_id = :user_id AND b.id = (SELECT basket_id FROM basket_item WHERE id = :item_id)",
    items="AND i.id = :item_id",
)
"""The basket of `user_id` that holds the item `item_id`; a full read has that item alone."""

_DRAFTS = (
    # The page is cut before the items are joined. The pair is compared as one value, because drafts
    # may have the same timestamp.
    "b.id IN (SELECT id FROM basket WHERE user_id = :user_id AND status = 'DRAFT' "
    "AND (saved_at, id) {} (:saved_at, :basket_id) ORDER BY {} LIMIT :size)"
)
DRAFTS = BasketRead(
    _DRAFTS.format("<", "saved_at DESC, id DESC"), order="b.saved_at DESC, b.id DESC"
)
"""The newest `size` drafts of `user_id` before the position `saved_at` and `basket_id`."""

DRAFTS_BACKWARD = BasketRead(
    _DRAFTS.format(">", "saved_at, id"), order="b.saved_at DESC, b.id DESC"
)
"""The oldest `size` drafts after the position, newest first too."""

_STATEMENTS = load_statements(__file__)


async def count_drafts(user_id: int) -> int:
    """Counts the user's drafts."""
    row = await _STATEMENTS["count_drafts"].one(user_id=user_id)
    count: int = row["count"]
    return count


async def has_drafts_beyond(
    user_id: int, saved_at: datetime, basket_id: int, *, is_backward: bool
) -> bool:
    """Whether the user has drafts at this position or beyond, seen from the page it bounds."""
    statement = _STATEMENTS["draft_until" if is_backward else "draft_since"]
    values: dict[str, Any] = {"saved_at": saved_at, "basket_id": basket_id}
    return await statement.row(user_id=user_id, **values) is not None
