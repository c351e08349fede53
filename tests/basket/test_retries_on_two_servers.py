"""Retries that reach another server process than the first attempt did, on one PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from tests.support.crowd import Crowd, Payload, add, at_once, outcomes
from tests.support.databases import databases
from tests.support.process import start_server, write_people_to
from tests.support.service import Caller, Service
from tests.support.shop import serve_shop
from tests.support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]

SIZE = 20
STATE = "basket { id status version totalQuantity }"
REUSED = "IDEMPOTENCY_KEY_REUSED"


@dataclass
class Pair:
    """Two server processes on one database, and the same buyer at each of them."""

    crowd: Crowd
    one: Caller
    two: Caller

    async def send(self, mutation: str, selection: str, **given: Any) -> list[Payload]:
        """Sends a change with one key many times at the same moment, by turns to each server."""
        callers = [self.one, self.two] * (SIZE // 2)
        return await at_once(
            [caller.change(mutation, selection, **given) for caller in callers]
        )

    async def send_once(self, mutation: str, selection: str, **given: Any) -> Payload:
        """Sends a change with a key many times; returns the one answer, which must be accepted."""
        given["idempotencyKey"] = f"{mutation} {given}"
        payloads = await self.send(mutation, selection, **given)
        assert payloads == [payloads[0]] * SIZE
        assert payloads[0].pop("userErrors") == []
        return payloads[0]


@pytest.fixture(scope="module")
def shared_database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty PostgreSQL for server processes."""
    yield from databases("postgres", tmp_path_factory.mktemp("database"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    shared_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    """Two server processes for all tests."""
    url, folder = shared_database_url, tmp_path_factory.mktemp("output")
    divisions = await write_people_to(url)
    async with (
        serve_shop() as shop,
        start_server(url, shop.url, folder) as server,
        start_server(url, shop.url, folder) as second,
    ):
        service = Service(server.client, shop, divisions)
        crowd = Crowd(service, server, url, SIZE, folder)
        yield Pair(crowd, service.main, Caller(second.client, "main"))


@pytest_asyncio.fixture(loop_scope="module")
async def pair(running: Pair) -> AsyncIterator[Pair]:
    """The two processes, with people and no baskets."""
    await running.crowd.empty()
    yield running


async def test_a_key_that_reaches_two_servers_at_once_has_one_effect(pair: Pair) -> None:
    shop, division = pair.crowd.service.shop, pair.crowd.service.division("ERP02")
    lines = [{"productRemoteId": n, "divisionId": division} for n in (1, 2)]
    shop.sell(2, "20.00")
    version, removed = "basket { id version }", "basket { version } removedItemIds"
    added = await pair.send_once("basketItemsAdd", version, items=lines)
    basket_id = added["basket"]["id"]
    assert added["basket"]["version"] == 1
    zero = {"productRemoteId": 1, "divisionId": division, "quantity": 0}
    updated = await pair.send_once("basketItemUpdate", removed, **zero)
    assert (updated["basket"]["version"], len(updated["removedItemIds"])) == (2, 1)
    shop.sell(2, "21.00")
    changes = "basket { version } priceChanges { sku newPrice }"
    assert await pair.send_once("basketRefresh", changes) == {
        "basket": {"version": 3},
        "priceChanges": [{"sku": "SKU02", "newPrice": "21.00"}],
    }
    export = await pair.send_once("basketExport", "export { cacheKey }", format="CSV")
    assert len(export["export"]["cacheKey"]) == 32
    saved = await pair.send_once("basketSave", version, name="Draft")
    assert saved["basket"] == {"id": basket_id, "version": 4}
    loaded = await pair.send_once("basketLoad", version, basketId=basket_id)
    assert loaded["basket"] == {"id": basket_id, "version": 5}
    gone = await pair.send_once("basketItemRemove", removed, productRemoteId=2)
    assert (gone["basket"]["version"], len(gone["removedItemIds"])) == (6, 1)
    await pair.send_once("basketItemsAdd", version, items=lines[:1])
    cleared = await pair.send_once("basketClear", removed)
    assert (cleared["basket"]["version"], len(cleared["removedItemIds"])) == (8, 1)
    await pair.send_once("basketItemsAdd", version, items=lines[1:])
    asked = "quotation { totalAmount } basket { version }"
    assert await pair.send_once("quotationRequest", asked, name="Quotation") == {
        "quotation": {"totalAmount": "21.00"},
        "basket": {"version": 10},
    }
    assert await pair.crowd.rows("SELECT status, version FROM basket") == [
        ("SUBMITTED", 10)
    ]
    assert await pair.crowd.numbers("SELECT COUNT(*) FROM quotation") == (1,)
    assert await pair.crowd.numbers("SELECT COUNT(*) FROM idempotency_key") == (11,)
    assert await pair.crowd.numbers("SELECT COUNT(*) FROM basket_export") == (1,)


async def test_a_draft_is_deleted_once(pair: Pair) -> None:
    await add(pair.one, 1)
    draft = (await pair.two.accepted("basketSave", name="Draft"))["id"]
    deleted = await pair.send_once("basketDelete", "deletedBasketId", basketId=draft)
    assert deleted == {"deletedBasketId": draft}
    assert await pair.crowd.numbers("SELECT COUNT(*) FROM basket") == (0,)


async def test_of_two_inputs_with_one_key_at_once_one_is_carried_out(pair: Pair) -> None:
    calls = [
        add(caller, 1, quantity=turn % 2 + 1, idempotencyKey="key")
        for turn in range(SIZE // 2)
        for caller in (pair.one, pair.two)
    ]
    payloads = await at_once(calls)
    assert outcomes(payloads) == {"accepted": SIZE // 2, REUSED: SIZE // 2}
    baskets = [payload["basket"] for payload in payloads if payload["basket"]]
    assert baskets == [await pair.two.basket()] * (SIZE // 2)
    assert baskets[0]["version"] == 1
    assert (await pair.two.rejected("basketClear", idempotencyKey="key")) == [
        (REUSED, ["idempotencyKey"])
    ]


async def test_a_rejection_is_stored_once_for_both_servers(pair: Pair) -> None:
    calls = [
        add(caller, 1, 404, idempotencyKey="key")
        for _ in range(SIZE // 2)
        for caller in (pair.one, pair.two)
    ]
    payloads = await at_once(calls)
    assert payloads == [payloads[0]] * SIZE
    assert outcomes(payloads) == {"PRODUCT_NOT_FOUND": SIZE}
    assert await pair.crowd.numbers("SELECT COUNT(*) FROM idempotency_key") == (1,)
    assert await pair.crowd.numbers("SELECT COUNT(*) FROM basket") == (0,)


WAITING = """
SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
END_FIRST = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
AND wait_event_type = 'Lock' AND wait_event <> 'advisory'
"""


async def test_a_key_of_a_change_that_was_rolled_back_is_new_again(pair: Pair) -> None:
    await add(pair.one, 1)
    one = {"productRemoteId": 1, "divisionId": pair.crowd.service.division("ERP02")}
    update = one | {"quantity": 7, "idempotencyKey": "update"}
    document = (
        "mutation ($i: BasketItemUpdateInput!) "
        "{ basketItemUpdate(input: $i) { basket { version } } }"
    )
    outside = await asyncpg.connect(pair.crowd.database_url)

    async def waits(count: int) -> bool:
        return bool(await outside.fetchval(WAITING) == count)

    try:
        async with outside.transaction():
            await outside.execute("SELECT id FROM basket FOR UPDATE")
            # The first has the key and waits for the basket, the second waits for the key.
            first = asyncio.create_task(pair.one.post(document, i=update))
            await eventually(lambda: waits(1), "The first attempt")
            second = asyncio.create_task(
                pair.two.change("basketItemUpdate", STATE, **update)
            )
            await eventually(lambda: waits(2), "The second attempt")
            await outside.execute(END_FIRST)
            assert (await first).status_code == 503
        payload = await second
    finally:
        await outside.close()
    assert (payload["basket"]["version"], payload["basket"]["totalQuantity"]) == (2, 7)
    assert await pair.one.change("basketItemUpdate", STATE, **update) == payload
    assert await pair.crowd.rows("SELECT version FROM basket") == [(2,)]


async def test_a_retry_shows_the_changes_that_the_other_server_has_made(
    pair: Pair,
) -> None:
    async def retry() -> tuple[str, int] | None:
        payload = await add(pair.one, 1, idempotencyKey="add")
        assert payload == await add(pair.two, 1, idempotencyKey="add")
        assert payload["userErrors"] == []
        basket = payload["basket"]
        return basket and (basket["status"], basket["totalQuantity"])

    basket = (await add(pair.one, 1, idempotencyKey="add"))["basket"]
    await add(pair.two, 1, 2)
    assert await retry() == ("ACTIVE", 3)
    await pair.two.accepted("basketSave", name="Draft")
    assert await retry() == ("DRAFT", 3)
    await pair.one.accepted("basketLoad", basketId=basket["id"])
    await pair.two.accepted("basketItemRemove", productRemoteId=2)
    assert await retry() == ("ACTIVE", 2)
    await pair.two.accepted("quotationRequest", name="Quotation")
    assert await retry() == ("SUBMITTED", 2)
    draft = (await add(pair.one, 3, idempotencyKey="draft"))["basket"]["id"]
    await pair.two.accepted("basketSave", name="Draft")
    await pair.two.change("basketDelete", "deletedBasketId", basketId=draft)
    gone: Payload = {"basket": None, "userErrors": []}
    assert await add(pair.one, 3, idempotencyKey="draft") == gone
    assert await add(pair.two, 3, idempotencyKey="draft") == gone


READS_NEXT = """
from resolvers import stored_outcome
stored_outcome.READABLE = frozenset({2, 3, 4})
"""
WRITES_NEXT = READS_NEXT + "stored_outcome.FORMAT = 4"


async def test_releases_side_by_side_answer_a_retry_or_reject_it_and_lose_nothing(
    pair: Pair,
) -> None:
    url, shop_url = pair.crowd.database_url, pair.crowd.service.shop.url
    folder: Path = pair.crowd.folder
    async with (
        start_server(url, shop_url, folder, READS_NEXT) as reading,
        start_server(url, shop_url, folder, WRITES_NEXT) as writing,
    ):
        present, next_one, next_two = (
            pair.one,
            Caller(reading.client, "main"),
            Caller(writing.client, "main"),
        )
        for key, first in ("a", present), ("b", next_one), ("c", next_two):
            await add(first, 1)
            await first.accepted("basketSave", name="Draft", idempotencyKey=key)
        # Each release reads what itself, the one before and the one after it write.
        for key, readers in (
            ("a", (present, next_one, next_two)),
            ("b", (present, next_one, next_two)),
            ("c", (next_one, next_two)),
        ):
            for caller in readers:
                draft = await caller.accepted(
                    "basketSave", name="Draft", idempotencyKey=key
                )
                assert (draft["status"], draft["version"]) == ("DRAFT", 2)
        assert await present.rejected("basketSave", name="Draft", idempotencyKey="c") == [
            ("INVALID_INPUT", ["idempotencyKey"])
        ]
        again = await next_two.accepted("basketSave", name="Draft", idempotencyKey="c")
        assert again["version"] == 2
    assert await pair.crowd.rows(
        "SELECT key, outcome::json ->> 'format' FROM idempotency_key ORDER BY 1"
    ) == [("a", "2"), ("b", "2"), ("c", "4")]
    assert await pair.crowd.numbers("SELECT COUNT(*) FROM basket") == (3,)
