"""Many who ask a real server process at the same moment."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from tests.support.process import Server
from tests.support.service import Caller, Service

Payload = dict[str, Any]

QUOTATION = "quotation { id number totalAmount } basket { id version }"


@dataclass
class Crowd:
    """The server process, its database, and how many ask at once."""

    service: Service
    server: Server
    database_url: str
    size: int
    folder: Path

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Runs a statement on the database itself, past the server."""
        if self.database_url.startswith("sqlite://"):
            with closing(
                sqlite3.connect(
                    self.database_url.removeprefix("sqlite://"), isolation_level=None
                )
            ) as file:
                return file.execute(statement).fetchall()
        connection = await asyncpg.connect(self.database_url)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    async def numbers(self, statement: str) -> tuple[Any, ...]:
        """Returns the only row of an answer."""
        (row,) = await self.rows(statement)
        return row

    async def empty(self) -> None:
        """Removes all but the people."""
        for table in (
            "idempotency_key",
            "quotation",
            "basket_item_division",
            "basket_item",
            "basket",
            "product",
        ):
            await self.rows(f"DELETE FROM {table}")


def add(
    caller: Caller, *products: int, quantity: int = 1, **more: Any
) -> Coroutine[Any, Any, Payload]:
    """Adds products for ERP02, for which both the main and the sub division may buy."""
    items = [
        {"productRemoteId": each, "divisionErpCode": "ERP02", "quantity": quantity}
        for each in products
    ]
    return caller.change("basketItemsAdd", items=items, **more)


async def at_once(calls: Sequence[Awaitable[Payload]]) -> list[Payload]:
    """Sends all at the same moment; each must be answered without a GraphQL error."""
    return await asyncio.gather(*calls)


async def accepted(calls: Sequence[Awaitable[Payload]]) -> list[Payload]:
    """Sends all at the same moment; each must be accepted. Returns the baskets in the order of their versions."""
    payloads = await at_once(calls)
    assert [payload["userErrors"] for payload in payloads] == [[]] * len(calls)
    return sorted(
        (payload["basket"] for payload in payloads),
        key=lambda basket: int(basket["version"]),
    )


def outcomes(payloads: Sequence[Payload]) -> Counter[str]:
    """Counts the codes of rejections, and what was accepted."""
    return Counter(
        payload["userErrors"][0]["code"] if payload["userErrors"] else "accepted"
        for payload in payloads
    )


def quantity_of(basket: Payload, product: int) -> int:
    """Returns the quantity of a product in a basket."""
    return sum(
        item["quantity"] for item in basket["items"] if item["productRemoteId"] == product
    )


async def save_and_load(caller: Caller, segment: int | None) -> Payload:
    """Saves the active basket and loads it again, which another load may forestall."""
    saved = await caller.change("basketSave", name="Saved", segmentRemoteId=segment)
    if saved["userErrors"]:
        return saved
    return await caller.change("basketLoad", basketId=saved["basket"]["id"])


async def drafts(caller: Caller, count: int) -> list[str]:
    """Makes baskets with one piece each, leaves all of them as drafts, and returns their ids."""
    ids = []
    for number in range(count):
        (basket,) = await accepted([add(caller, 1)])
        await accepted([caller.change("basketSave", name=f"Draft {number}")])
        ids.append(str(basket["id"]))
    return ids


async def check_no_segment_has_two_active_baskets(crowd: Crowd) -> None:
    """Raises AssertionError when a user has two active baskets in a segment."""
    assert (
        await crowd.rows(
            "SELECT user_id, segment, COUNT(*) FROM basket WHERE status = 'ACTIVE' GROUP BY 1, 2 HAVING COUNT(*) > 1"
        )
        == []
    )


async def check_quotations_are_worth_their_baskets(crowd: Crowd) -> None:
    """Raises AssertionError when something was added to a basket after it was submitted, or a quotation is missing."""
    assert (
        await crowd.rows(
            "SELECT b.id, o.id, o.total_amount, SUM(i.price * q.quantity) FROM basket b "
            "LEFT JOIN quotation o ON o.basket_id = b.id LEFT JOIN basket_item i ON i.basket_id = b.id "
            "LEFT JOIN basket_item_division q ON q.item_id = i.id WHERE b.status = 'SUBMITTED' OR o.id IS NOT NULL "
            "GROUP BY b.id, o.id, o.total_amount "
            "HAVING o.id IS NULL OR b.status <> 'SUBMITTED' OR o.total_amount <> SUM(i.price * q.quantity)"
        )
        == []
    )
