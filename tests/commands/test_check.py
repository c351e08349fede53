"""`server.py check`: stored totals and histories that are wrong are named, and totals repaired."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from models.audit.read import AuditFilter, read_entries
from models.audit.tables import AuditAction
from models.basket.tables import Basket
from models.database.connection import connect, disconnect
from models.history.consistency import SIZE, Difference, repair_totals
from models.history.tables import BasketChange
from tests.support.command_line import Commands
from tests.support.service import write_people
from tests.support.stored_baskets import add_items, make_basket, make_history, make_products
from tests.support.waiting import eventually

TAKE_ONE = """
UPDATE basket_item_division SET quantity = quantity - 1
WHERE id = (
    SELECT MIN(q.id) FROM basket_item_division q
    JOIN basket_item i ON i.id = q.item_id
    WHERE i.basket_id = $1
)"""
WAITING = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


class Checks:
    """Runs the command on a database, which is open to the test before and after."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url

    async def run(self, *options: str) -> tuple[int, list[str]]:
        """Returns the exit status and the lines of the output; there must be no errors."""
        await disconnect()
        status, output, errors = Commands(self._database_url).run("check", *options)
        await connect(self._database_url)
        assert errors == ""
        return status, output.splitlines()


@pytest.fixture
async def checks(database_url: str) -> AsyncIterator[Checks]:
    """The command on a database with people and three baskets that are right."""
    await connect(database_url)
    await write_people()
    products = await make_products(3)
    for count, quantity in ((0, 0), (1, 5), (3, 2)):
        basket = await make_basket(4)
        await add_items(basket, products[:count], quantity)
        await make_history(basket, 1)
    yield Checks(database_url)
    await disconnect()


async def stored() -> list[tuple[Any, ...]]:
    """Returns what is stored of baskets, apart from their times of creation."""
    rows = await Basket.all().order_by("id")
    return [
        (row.version, row.item_count, row.total_quantity, row.total_amount, row.currency)
        for row in rows
    ]


RIGHT = [(4, 0, 0, 0, None), (4, 1, 10, 1_000, "try"), (4, 3, 12, 2_400, "try")]


async def test_nothing_is_said_of_what_is_right(checks: Checks) -> None:
    assert SIZE == 50
    for _ in range(98):
        await make_history(await make_basket(2), 2)
    everything = "Checked 101 baskets: 0 with wrong totals, 0 with an incomplete history."
    assert await checks.run() == (0, [everything])
    assert await checks.run("--repair") == (0, [everything])


async def test_each_wrong_total_is_named_and_none_is_changed(checks: Checks) -> None:
    first, second, third = await Basket.all().order_by("id")
    await Basket.filter(id=first.id).update(currency="try")
    await Basket.filter(id=second.id).update(total_quantity=11, item_count=0)
    await Basket.filter(id=third.id).update(total_amount=2_401, currency=None)
    before = await stored()
    status, output = await checks.run()
    assert status == 1
    assert output == [
        f"basket {first.id}: currency is try, and its items have None.",
        f"basket {second.id}: item_count is 0, and its items have 1.",
        f"basket {second.id}: total_quantity is 11, and its items have 10.",
        f"basket {third.id}: total_amount is 2401, and its items have 2400.",
        f"basket {third.id}: currency is None, and its items have try.",
        "Checked 3 baskets: 3 with wrong totals, 0 with an incomplete history.",
    ]
    assert await stored() == before != RIGHT


async def test_wrong_totals_are_repaired_when_that_is_asked_for(checks: Checks) -> None:
    _, second, third = await Basket.all().order_by("id")
    await Basket.filter(id=second.id).update(total_quantity=11)
    await Basket.filter(id=third.id).update(
        item_count=0, total_quantity=0, total_amount=0, currency=None
    )
    status, output = await checks.run("--repair")
    assert status == 0
    assert output == [
        f"basket {second.id}: total_quantity was 11 and is now 10.",
        f"basket {third.id}: item_count was 0 and is now 3.",
        f"basket {third.id}: total_quantity was 0 and is now 12.",
        f"basket {third.id}: total_amount was 0 and is now 2400.",
        f"basket {third.id}: currency was None and is now try.",
        "Checked 3 baskets: 2 with wrong totals (repaired), 0 with an incomplete history.",
    ]
    entries = await read_entries(AuditFilter(action=AuditAction.BASKET_REPAIRED), 10)
    assert [(entry.before, entry.after) for entry in entries][1:] == [
        (
            {"basket": second.id, "total_quantity": 11},
            {"basket": second.id, "total_quantity": 10},
        )
    ]
    assert await stored() == RIGHT
    assert await BasketChange.all().count() == 12
    assert await checks.run() == (
        0,
        ["Checked 3 baskets: 0 with wrong totals, 0 with an incomplete history."],
    )


async def test_missing_and_extra_versions_are_named_but_not_early_ones(
    checks: Checks,
) -> None:
    first, second, third = await Basket.all().order_by("id")
    # One from before there was a history, and one whose earlier history is no longer kept.
    await make_basket(9)
    await make_history(await make_basket(9), 8)
    await BasketChange.filter(basket_id=first.id, version=3).delete()
    await BasketChange.filter(basket_id=second.id, version=4).delete()
    await BasketChange.filter(basket_id=third.id, version=4).update(version=5)
    before = await BasketChange.all().count()
    expected = [
        f"basket {first.id}: the history has 3 changes from version 1 to 4, "
        "and the basket is at version 4.",
        f"basket {second.id}: the history has 3 changes from version 1 to 3, "
        "and the basket is at version 4.",
        f"basket {third.id}: the history has 4 changes from version 1 to 5, "
        "and the basket is at version 4.",
        "Checked 5 baskets: 0 with wrong totals, 3 with an incomplete history.",
    ]
    assert await checks.run() == (1, expected)
    assert await checks.run("--repair") == (1, expected)
    assert await BasketChange.all().count() == before


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_a_repair_waits_for_a_change_in_progress(
    checks: Checks, database_url: str
) -> None:
    _, second, _ = await Basket.all().order_by("id")
    await Basket.filter(id=second.id).update(total_quantity=11)
    connection = await asyncpg.connect(database_url)
    change = connection.transaction()
    await change.start()
    # A change that takes one of the ten pieces away.
    await connection.execute(TAKE_ONE, second.id)
    await connection.execute(
        "UPDATE basket SET total_quantity = 9, total_amount = 900 WHERE id = $1", second.id
    )
    repair = asyncio.create_task(repair_totals(second.id))

    async def is_waiting() -> bool:
        return int(await connection.fetchval(WAITING)) == 1

    await eventually(is_waiting, "the wait for the lock")
    await change.commit()
    assert await repair == []
    assert (await stored())[1] == (4, 1, 9, 900, "try")
    await Basket.filter(id=second.id).update(total_quantity=8)
    assert await repair_totals(second.id) == [Difference("total_quantity", 8, 9)]
    assert (await stored())[1] == (4, 1, 9, 900, "try")
    await connection.close()
    # What was remembered of a basket is good for its timestamp.
    assert (await Basket.get(id=second.id)).updated_at > second.updated_at
