"""An operation that takes too long is given up and undone; one that has begun to commit is answered."""

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

import settings
from application import create_application
from models.time_limit import TimeLimits, TookTooLong, begin_to_commit
from tests.service import Caller, Service, open_client

ITEMS = [{"productRemoteId": 1, "divisionErpCode": "ERP01"}]
ADD = (
    "mutation ($items: [BasketItemInput!]!, $key: String) "
    "{ basketItemsAdd(input: {items: $items, idempotencyKey: $key}) { basket { totalQuantity } userErrors { code } } }"
)
SLOW_COMMIT = """
    CREATE OR REPLACE FUNCTION wait_a_second() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON basket DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION wait_a_second();
"""
QUICK_COMMIT = "DROP TRIGGER slow_commit ON basket; DROP FUNCTION wait_a_second();"


@pytest.fixture
async def impatient(
    service: Service, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A second application on the service's PostgreSQL, with half a second for an operation."""
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has no locks that another process can hold for a while.")
    monkeypatch.setattr(settings, "OPERATION_SECONDS", 0.5)
    application = create_application(database_url=database_url, commerce_url=service.shop.url, redis_url="")
    async with open_client(application) as client:
        yield client


async def test_what_takes_too_long_is_503_and_undone(impatient: httpx.AsyncClient, database_url: str) -> None:
    caller = Caller(impatient, "main")
    before = await caller.everything()
    other = await asyncpg.connect(database_url)
    try:
        async with other.transaction():
            await other.execute("LOCK TABLE basket_item IN EXCLUSIVE MODE")
            begin = time.monotonic()
            # With a key it is a transaction of several statements; an addition by one statement commits as it ends.
            response = await caller.post(ADD, items=ITEMS, key="slow")
            assert time.monotonic() - begin < 1.5
    finally:
        await other.close()
    assert response.status_code == 503
    assert response.json() == {
        "errors": [
            {
                "message": "The operation took longer than 0.5 seconds and was given up.",
                "extensions": {"code": "OPERATION_TIMEOUT"},
            }
        ]
    }
    assert await caller.everything() == before
    assert (await caller.query(ADD, items=ITEMS, key="slow"))["basketItemsAdd"]["basket"] == {"totalQuantity": 1}


async def test_what_has_begun_to_commit_is_answered(impatient: httpx.AsyncClient, database_url: str) -> None:
    caller = Caller(impatient, "main")
    other = await asyncpg.connect(database_url)
    try:
        await other.execute(SLOW_COMMIT)
        begin = time.monotonic()
        content = await caller.query(ADD, items=ITEMS)
        assert time.monotonic() - begin > 1.4
    finally:
        await other.execute(QUICK_COMMIT)
        await other.close()
    assert content["basketItemsAdd"] == {"basket": {"totalQuantity": 1}, "userErrors": []}


async def test_a_limit_ends_only_what_is_in_it() -> None:
    limits = TimeLimits(0.1)

    async def sleep(seconds: float, *, commits: bool = False) -> str:
        with limits.limit():
            if commits:
                begin_to_commit()
            await asyncio.sleep(seconds)
        # The task itself was never cancelled: it goes on.
        await asyncio.sleep(0.2)
        return "done"

    quick, committed, slow = await asyncio.gather(
        sleep(0.01), sleep(0.4, commits=True), sleep(5), return_exceptions=True
    )
    assert (quick, committed) == ("done", "done")
    assert isinstance(slow, TookTooLong)
    assert limits.running == set()
    await asyncio.sleep(0.1)
    assert limits.is_watching is False


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    limits = TimeLimits(5)

    async def wait() -> None:
        with limits.limit():
            await asyncio.sleep(5)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
