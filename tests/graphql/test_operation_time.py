"""An operation that takes too long is given up and undone; one that has begun to commit is answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from request_record import begin_record
from resolvers.time_limit import TimeLimits, TookTooLong, begin_to_commit, resume_limit
from tests.support.databases import waits_for_lock
from tests.support.service import Caller, Service, serve_beside
from tests.support.waiting import eventually

LIMIT_SECONDS = 4.0
"""Timeout of an operation: long enough for one that nothing holds up, also on a busy machine."""
ITEMS = [{"productRemoteId": 1, "divisionErpCode": "ERP01"}]
ADD = (
    "mutation ($items: [BasketItemInput!]!, $key: String) "
    "{ basketItemsAdd(input: {items: $items, idempotencyKey: $key}) { basket { totalQuantity } userErrors { code } } }"
)
SLOW_COMMIT = """
    CREATE OR REPLACE FUNCTION wait_for_lock() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON basket DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION wait_for_lock();
"""
QUICK_COMMIT = "DROP TRIGGER slow_commit ON basket; DROP FUNCTION wait_for_lock();"


@pytest.fixture
async def impatient(
    service: Service, database_url: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A second application on the service's PostgreSQL, with a short time for an operation."""
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has no locks that another process can hold for a while.")
    async with serve_beside(
        service, database_url, operation_seconds=LIMIT_SECONDS
    ) as client:
        yield client


async def test_what_takes_too_long_is_503_and_undone(
    impatient: httpx.AsyncClient, service: Service, database_url: str
) -> None:
    before = await service.main.everything()
    other = await asyncpg.connect(database_url)
    try:
        async with other.transaction():
            await other.execute("LOCK TABLE basket_item IN EXCLUSIVE MODE")
            # A product that is not known yet is added by several statements; one statement commits as it ends.
            response = await Caller(impatient, "main").post(ADD, items=ITEMS, key="slow")
    finally:
        await other.close()
    assert response.status_code == 503
    assert response.json() == {
        "errors": [
            {
                "message": "The operation took longer than 4 seconds and was given up.",
                "extensions": {"code": "OPERATION_TIMEOUT"},
            }
        ]
    }
    assert await service.main.everything() == before
    again = await service.main.query(ADD, items=ITEMS, key="slow")
    assert again["basketItemsAdd"]["basket"] == {"totalQuantity": 1}


async def test_what_has_begun_to_commit_is_answered(
    impatient: httpx.AsyncClient, database_url: str
) -> None:
    caller = Caller(impatient, "main")
    other = await asyncpg.connect(database_url)
    try:
        await other.execute(SLOW_COMMIT)
        await other.execute("SELECT pg_advisory_lock(4711)")
        adding = asyncio.create_task(caller.query(ADD, items=ITEMS))
        await eventually(lambda: waits_for_lock(database_url), "The commit")
        # The one thing to wait for here is that the limit is over.
        await asyncio.sleep(LIMIT_SECONDS + 0.5)
        assert not adding.done()
        await other.execute("SELECT pg_advisory_unlock(4711)")
        content = await adding
    finally:
        await other.execute(QUICK_COMMIT)
        await other.close()
    assert content["basketItemsAdd"] == {"basket": {"totalQuantity": 1}, "userErrors": []}


SAVE = 'mutation { basketSave(input: {name: "Draft"}) { basket { id } } }'
CHANGES = """
    mutation ($items: [BasketItemInput!]!, $draft: ID!) {
      first: basketItemsAdd(input: {items: $items}) { ...Added }
      slow: basketRename(input: {basketId: $draft, name: "Renamed", idempotencyKey: "slow"})
        { basket { name } userErrors { code message field } }
      late: basketItemsAdd(input: {items: $items}) { ...Added }
    }
    fragment Added on BasketItemsAddPayload
      { basket { totalQuantity } userErrors { code message field } }
"""
GIVEN_UP = {
    "basket": None,
    "userErrors": [
        {
            "code": "OPERATION_TIMEOUT",
            "message": "The operation took longer than 4 seconds; this part of it was given up.",
            "field": [],
        }
    ],
}


@pytest.mark.parametrize("is_compiled", [True, False])
async def test_changes_at_the_limit_are_rejected_when_one_before_them_is_committed(
    service: Service, database_url: str, *, is_compiled: bool
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has no locks that another process can hold for a while.")
    await service.main.query(ADD, items=ITEMS)
    draft = (await service.main.query(SAVE))["basketSave"]["basket"]["id"]
    options = {"operation_seconds": LIMIT_SECONDS, "is_compiled": is_compiled}
    async with serve_beside(service, database_url, **options) as client:
        async with held_baskets(database_url):
            response = await Caller(client, "main").post(CHANGES, items=ITEMS, draft=draft)
        added = {"basket": {"totalQuantity": 1}, "userErrors": []}
        assert response.status_code == 200
        data = {"first": added, "slow": GIVEN_UP, "late": GIVEN_UP}
        assert response.json() == {"data": data}
        # The rejected change has changed nothing, and its key is free.
        state = await service.main.everything()
        drafts = [edge["node"]["name"] for edge in state["draftBaskets"]["edges"]]
        quantities = [basket["totalQuantity"] for basket in state["activeBaskets"]]
        assert (drafts, quantities) == (["Draft"], [1])
        again = await service.main.query(CHANGES, items=ITEMS, draft=draft)
        assert again["slow"] == {"basket": {"name": "Renamed"}, "userErrors": []}


@asynccontextmanager
async def held_baskets(database_url: str) -> AsyncIterator[None]:
    """Locks every basket that there is; new ones can be made."""
    other = await asyncpg.connect(database_url)
    try:
        async with other.transaction():
            await other.execute("SELECT id FROM basket FOR UPDATE")
            yield
    finally:
        await other.close()


@pytest.mark.long
async def test_a_limit_ends_only_what_is_in_it() -> None:
    limits = TimeLimits(1.0)

    async def sleep(seconds: float, *, commits: bool = False) -> str:
        begin_record("", has_timing=False)
        with limits.limit():
            if commits:
                begin_to_commit()
            await asyncio.sleep(seconds)
        # The task itself was never cancelled: it goes on.
        await asyncio.sleep(1.1)
        return "done"

    quick, committed, slow = await asyncio.gather(
        sleep(0), sleep(1.5, commits=True), sleep(3_600), return_exceptions=True
    )
    assert (quick, committed) == ("done", "done")
    assert isinstance(slow, TookTooLong)
    assert limits.running == set()
    await eventually(lambda: not limits.is_watching, "The end of the watch")


async def test_a_limit_counts_again_when_nothing_was_committed() -> None:
    limits = TimeLimits(0.5)

    async def sleep() -> None:
        begin_record("", has_timing=False)
        with limits.limit():
            begin_to_commit()
            await asyncio.sleep(1.0)
            resume_limit()
            await asyncio.sleep(3_600)

    with pytest.raises(TookTooLong):
        await asyncio.create_task(sleep())


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    limits, is_within = TimeLimits(3_600), asyncio.Event()

    async def wait() -> None:
        with limits.limit():
            is_within.set()
            await asyncio.sleep(3_600)

    task = asyncio.create_task(wait())
    await is_within.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
