"""Retention: old drafts and quotations go in batches, and nobody waits for it."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from models.basket.tables import Basket, BasketItem, BasketStatus
from models.database.connection import connect, disconnect
from models.history.tables import BasketChange
from models.quotation import Quotation, QuotationStatus
from models.retention.sweep import BATCH, RetentionSweeper
from models.timestamps import now
from tests.support.service import Service, serve_beside, write_people
from tests.support.stored_baskets import add_items, make_basket, make_history, make_products
from tests.support.waiting import eventually
from tests.support.watching import CHANGES, watch


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """An open database with people, once of each kind."""
    await connect(database_url)
    await write_people()
    yield database_url
    await disconnect()


async def age(
    basket: Basket, days: float, status: BasketStatus = BasketStatus.DRAFT
) -> None:
    """Makes a basket one of a status that was changed some days ago."""
    changed_at = now() - timedelta(days=days)
    await Basket.filter(id=basket.id).update(status=status, updated_at=changed_at)


async def quote(basket: Basket, days: float) -> None:
    """Submits a basket, some days ago."""
    await age(basket, days, BasketStatus.SUBMITTED)
    await basket.fetch_related("user")
    await Quotation.create(
        user=basket.user,
        basket=basket,
        name="Q",
        status=QuotationStatus.PENDING,
        total_amount=0,
        currency="try",
        created_at=now() - timedelta(days=days),
    )


async def ids() -> set[int]:
    """Returns the ids of all baskets."""
    return {basket.id for basket in await Basket.all()}


async def test_old_drafts_and_quotations_are_deleted_with_all_that_is_theirs(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "basket")
    old, new, active, quoted, quoted_lately = [await make_basket(2) for _ in range(5)]
    await add_items(old, await make_products(2), 3)
    for basket in (old, quoted):
        await make_history(basket, 1)
    await age(old, 31)
    await age(new, 29)
    await age(active, 400, BasketStatus.ACTIVE)
    await quote(quoted, 366)
    await quote(quoted_lately, 364)
    await RetentionSweeper(0, 0).sweep()
    assert len(await ids()) == 5
    await RetentionSweeper(30, 365).sweep()
    assert await ids() == {new.id, active.id, quoted_lately.id}
    assert [quotation.name for quotation in await Quotation.all()] == ["Q"]
    assert await BasketItem.all().count() == await BasketChange.all().count() == 0
    logged = [each.getMessage() for each in caplog.records if each.name == "basket"]
    assert logged == ["Deleted 1 drafts after 30 days, and 1 quotations after 365."]


async def test_more_than_a_batch_is_deleted_in_one_sweep(database: str) -> None:
    for _ in range(2 * BATCH + 1):
        await age(await make_basket(1), 2)
    await RetentionSweeper(1, 0).sweep()
    assert await ids() == set()


async def test_a_basket_that_somebody_has_locked_waits_for_the_next_sweep(
    postgres_url: str,
) -> None:
    await connect(postgres_url)
    buyer = await asyncpg.connect(postgres_url)
    try:
        await write_people()
        locked, free = await make_basket(1), await make_basket(1)
        for basket in (locked, free):
            await age(basket, 2)
        async with buyer.transaction():
            await buyer.execute("SELECT 1 FROM basket WHERE id = $1 FOR UPDATE", locked.id)
            await RetentionSweeper(1, 0).sweep()
            assert await ids() == {locked.id}
        await RetentionSweeper(1, 0).sweep()
        assert await ids() == set()
    finally:
        await buyer.close()
        await disconnect()


async def test_a_draft_that_is_loaded_before_its_deletion_stays(database: str) -> None:
    basket = await make_basket(1)
    await age(basket, 2, BasketStatus.ACTIVE)
    await RetentionSweeper(1, 0).sweep()
    assert await ids() == {basket.id}


async def test_a_server_sweeps_by_its_settings(
    service: Service, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.lifecycle.purge.DELAY_SECONDS", 0.1)
    items = [{"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 1}]
    await service.main.accepted("basketItemsAdd", items=items)
    draft = await service.main.accepted("basketSave", name="Old")
    await Basket.all().update(updated_at=now() - timedelta(days=8))

    async def is_gone() -> bool:
        return not await Basket.exists()

    async with serve_beside(service, database_url, retention_draft_days=7):
        await eventually(is_gone, "The deletion of the draft")
        payload = await service.main.change("basketLoad", basketId=draft["id"])
    assert payload["userErrors"][0]["code"] == "BASKET_NOT_FOUND"


async def test_who_watches_a_draft_sees_their_stream_end(service: Service) -> None:
    items = [{"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 1}]
    await service.main.accepted("basketItemsAdd", items=items)
    draft = await service.main.accepted("basketSave", name="Old")
    async with watch(service.application, CHANGES, id=draft["id"]) as changes:
        assert (await changes.next())["basket"]["status"] == "DRAFT"
        await Basket.all().update(updated_at=now() - timedelta(days=8))
        # Nobody hints at it: the comparison of versions finds it.
        await RetentionSweeper(7, 0).sweep()
        with pytest.raises(StopAsyncIteration):
            await changes.next()
