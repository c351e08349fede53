"""Whether baskets agree with their items and their history: the columns of totals, the versions."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import NamedTuple

from tortoise.transactions import in_transaction

from models.basket.tables import Basket
from models.database.statements import Row, load_statements
from models.timestamps import now

SIZE = 50
"""How many baskets are read at once."""
TOTALS = ("item_count", "total_quantity", "total_amount", "currency")
"""The columns of a basket that each change keeps equal to the sums of the items."""

Total = int | str | None

_READ_BASKETS = load_statements(__file__)["read_baskets"]


class Difference(NamedTuple):
    """A column of a basket with its value and with that of its items; amounts are in hundredths."""

    column: str
    stored: Total
    computed: Total


class History(NamedTuple):
    """The number of a basket's stored changes, their first and last version, and the basket's."""

    change_count: int
    first: int
    last: int
    basket_version: int

    @property
    def is_complete(self) -> bool:
        """Whether there is a change for each version from the first one on; a basket may have none.

        Earlier ones are deleted when they are no longer kept, and baskets may be older than the
        history.
        """
        if not self.change_count:
            return True
        is_unbroken = self.change_count == self.last - self.first + 1
        return is_unbroken and self.last == self.basket_version


class CheckedBasket(NamedTuple):
    """A basket's id, its wrong totals, and its history."""

    id: int
    differences: list[Difference]
    history: History


async def check_baskets() -> AsyncIterator[CheckedBasket]:
    """Yields all baskets in the order of their ids; a few are in memory at once."""
    after = 0
    while rows := await _READ_BASKETS.rows(after=after, size=SIZE):
        for row in rows:
            yield _check(row)
        after = rows[-1]["id"]


async def repair_totals(basket_id: int) -> list[Difference]:
    """Writes the sums of its items to a locked basket; returns the columns that were different.

    It counts no version: the items that buyers see are the same. The basket's timestamp changes,
    which outdates what was remembered of it.
    """
    async with in_transaction():
        basket = await Basket.select_for_update().get_or_none(id=basket_id)
        if basket is None:
            return []
        # A statement after the lock, which sees the change that the lock has waited for.
        row = await _READ_BASKETS.one(after=basket_id - 1, size=1)
        differences = _find_differences(row)
        if differences:
            sums = {column: computed for column, _, computed in differences}
            await Basket.filter(id=basket_id).update(**sums, updated_at=now())
        return differences


def _check(row: Row) -> CheckedBasket:
    history = History(
        row["change_count"], row["first_change"], row["last_change"], row["version"]
    )
    return CheckedBasket(row["id"], _find_differences(row), history)


def _find_differences(row: Row) -> list[Difference]:
    found = [Difference(name, row[name], _sum(row[f"sum_{name}"])) for name in TOTALS]
    return [difference for difference in found if difference.stored != difference.computed]


def _sum(value: Decimal | Total) -> Total:
    # PostgreSQL's sums are decimals, some with an exponent.
    return int(value) if isinstance(value, Decimal) else value
