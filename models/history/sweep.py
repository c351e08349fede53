"""Deleting the history that is no longer kept: changes that are too old, or too many per basket.

Both bounds are found by indexes: the primary key of `basket_change` is chronological, and the
unique index of basket and version orders the changes of a basket. Each batch is a short
transaction of its own.
"""

import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from tortoise.models import Model

from models.basket.tables import Basket
from models.history.retain import find_first_retained
from models.history.tables import BasketChange
from models.timestamps import now

logger = logging.getLogger("basket")

BATCH = 500
"""The highest number of changes that one statement deletes."""
WINDOW = 10_000
"""How many ids one statement searches for long histories."""


class HistorySweeper:
    """Deletes the changes beyond a number per basket, and those beyond an age."""

    def __init__(self, maximum_changes: int, retention: timedelta) -> None:
        self._maximum_changes = maximum_changes
        self._retention = retention
        self._searched_to: int | None = None

    async def sweep(self) -> None:
        """Deletes all changes beyond the bounds, the oldest first, and logs their numbers."""
        old = await self._delete_old()
        excess = await self._delete_excess()
        if old or excess:
            text = (
                "Deleted %d changes of baskets after %d days, and %d beyond %d per basket."
            )
            days = self._retention.days
            logger.info(text, old, days, excess, self._maximum_changes)

    async def _delete_old(self) -> int:
        before = now() - self._retention
        deleted = last = 0
        while ids := await _find_older(before, last):
            deleted += await BasketChange.filter(id__in=ids).delete()
            last = ids[-1]
        return deleted

    async def _delete_excess(self) -> int:
        newest = await _newest_id(BasketChange)
        deleted = 0
        async for basket_id in self._find_long(newest):
            deleted += await self._shorten(basket_id)
        # Changes that are not committed yet may have lower ids, so the next search begins earlier.
        self._searched_to = max(0, newest - WINDOW)
        return deleted

    def _find_long(self, newest: int) -> AsyncIterator[int]:
        """Yields the baskets with more versions than are kept that have changed since the last run.

        The first run of a process yields all: it does not know which have changed.
        """
        if self._searched_to is None:
            return _find_baskets(self._maximum_changes)
        return _find_changed_baskets(self._maximum_changes, self._searched_to, newest)

    async def _shorten(self, basket_id: int) -> int:
        basket = await Basket.get_or_none(id=basket_id)
        if basket is None:
            return 0
        last_excess = basket.version - self._maximum_changes
        if retained := await find_first_retained(basket_id):
            # All later versions stay too, so that the history has no gap.
            last_excess = min(last_excess, retained - 1)
        deleted = 0
        while ids := await _find_up_to(basket_id, last_excess):
            deleted += await BasketChange.filter(id__in=ids).delete()
        return deleted


async def _find_older(before: datetime, after_id: int) -> list[int]:
    """Returns the ids of the next batch of changes that were made before a timestamp."""
    oldest = BasketChange.filter(id__gt=after_id).order_by("id").limit(BATCH)
    rows = await oldest.values_list("id", "created_at")
    return [number for number, created_at in rows if created_at < before]


async def _find_up_to(basket_id: int, version: int) -> list[int]:
    """Returns the ids of the oldest changes of a basket, up to a version; at most a batch."""
    changes = BasketChange.filter(basket_id=basket_id, version__lte=version)
    ids: Any = await changes.order_by("version").limit(BATCH).values_list("id", flat=True)
    return list(ids)


async def _find_baskets(maximum_changes: int) -> AsyncIterator[int]:
    """Yields all baskets with more versions than a number."""
    for begin in range(0, await _newest_id(Basket), WINDOW):
        baskets = Basket.filter(
            id__gt=begin, id__lte=begin + WINDOW, version__gt=maximum_changes
        )
        for basket in await baskets.order_by("id").only("id"):
            yield basket.id


async def _find_changed_baskets(
    maximum_changes: int, since_id: int, last_id: int
) -> AsyncIterator[int]:
    """Yields the baskets with changes of these ids and with more versions than a number."""
    for begin in range(since_id, last_id, WINDOW):
        changes = BasketChange.filter(
            id__gt=begin, id__lte=begin + WINDOW, version__gt=maximum_changes
        )
        ids: Any = await changes.distinct().values_list("basket_id", flat=True)
        for basket_id in ids:
            yield basket_id


async def _newest_id(model: type[Model]) -> int:
    """Returns the highest id of a table; 0 without rows."""
    newest = await model.all().order_by("-id").only("id").first()
    return int(newest.pk) if newest else 0
