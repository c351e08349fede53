"""Deleting drafts that nobody has changed for long, and old quotations with their baskets.

Baskets are found along the primary key, and deleted a few at a time, each batch in a short
transaction of its own that passes over those which somebody has locked: no buyer waits for more
than one batch, and only for a basket that is about to go.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from models.basket.tables import Basket, BasketStatus
from models.quotation import Quotation
from models.timestamps import now

logger = logging.getLogger("basket")

BATCH = 20
"""How many baskets one transaction deletes, each of which may have 10,000 items."""
WINDOW = 10_000
"""How many ids one statement searches."""

Deletion = Callable[[list[int], datetime], Awaitable[int]]


class RetentionSweeper:
    """Deletes drafts and quotations older than the settings allow; 0 days are without end."""

    def __init__(self, draft_days: int, submitted_days: int) -> None:
        self._draft_days = draft_days
        self._submitted_days = submitted_days

    async def sweep(self) -> None:
        """Deletes all old drafts and quotations, and logs their numbers."""
        drafts = await _delete_all(_old_drafts, _delete_drafts, self._draft_days)
        quotations = await _delete_all(
            _old_quotations, _delete_quotations, self._submitted_days
        )
        if drafts or quotations:
            logger.info(
                "Deleted %d drafts after %d days, and %d quotations after %d.",
                *(drafts, self._draft_days, quotations, self._submitted_days),
            )


async def _delete_all(
    old: Callable[[datetime], QuerySet[Any]], delete: Deletion, days: int
) -> int:
    if not days:
        return 0
    before = now() - timedelta(days=days)
    deleted = 0
    async for ids in _find(old(before)):
        deleted += await delete(ids, before)
    return deleted


async def _find(rows: QuerySet[Any]) -> AsyncIterator[list[int]]:
    """Yields the ids of baskets, a batch at a time, by windows of the table's own ids."""
    newest = await rows.model.all().order_by("-id").first()
    for begin in range(0, newest.id if newest else 0, WINDOW):
        window = rows.filter(id__gt=begin, id__lte=begin + WINDOW).order_by("id")
        column = "basket_id" if rows.model is Quotation else "id"
        ids: Any = await window.values_list(column, flat=True)
        for first in range(0, len(ids), BATCH):
            yield sorted(ids[first : first + BATCH])


def _old_drafts(before: datetime) -> QuerySet[Basket]:
    return Basket.filter(status=BasketStatus.DRAFT, updated_at__lt=before)


def _old_quotations(before: datetime) -> QuerySet[Quotation]:
    return Quotation.filter(created_at__lt=before)


async def _delete_drafts(ids: list[int], before: datetime) -> int:
    async with in_transaction():
        # Asked again: a draft may have been loaded, or changed, since it was found.
        locked = await _lock(_old_drafts(before).filter(id__in=ids))
        await Basket.filter(id__in=locked).delete()
        # Not the count of the deletion, in which SQLite includes items and history.
        return len(locked)


async def _delete_quotations(ids: list[int], before: datetime) -> int:
    async with in_transaction():
        locked = await _lock(Basket.filter(id__in=ids, status=BasketStatus.SUBMITTED))
        # A quotation goes before its basket, which it holds.
        await Quotation.filter(basket_id__in=locked, created_at__lt=before).delete()
        await Basket.filter(id__in=locked).delete()
        return len(locked)


async def _lock(baskets: QuerySet[Basket]) -> list[int]:
    """Locks those of the baskets that nobody else has locked, and returns their ids."""
    # Rows and not values: Tortoise locks nothing for lists of values.
    free = baskets.order_by("id").select_for_update(skip_locked=True)
    return [basket.id for basket in await free.only("id")]
