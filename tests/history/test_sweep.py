"""The bounds of the history: what lies beyond a number of changes or an age is deleted, in batches."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from models.basket.tables import Basket
from models.database.connection import connect, disconnect
from models.history.sweep import BATCH, HistorySweeper
from models.history.tables import BasketChange
from tests.support.service import Service, serve_beside, write_people
from tests.support.stored_baskets import make_basket, make_history
from tests.support.waiting import eventually

DAYS = timedelta(days=90)
SCANS = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'basket_change'"
LATER_CONNECTIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_start > (
    SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
)
"""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """An open database with people, once of each kind."""
    await connect(database_url)
    await write_people()
    yield database_url
    await disconnect()


async def versions(basket: Basket) -> tuple[int, int, int]:
    """Returns how many changes there are of a basket, the oldest version and the newest."""
    changes = BasketChange.filter(basket_id=basket.id).order_by("version")
    kept = [change.version for change in await changes]
    return (len(kept), kept[0], kept[-1]) if kept else (0, 0, 0)


def messages(caplog: pytest.LogCaptureFixture, name: str, beginning: str) -> list[str]:
    """Returns the messages of a logger that begin with a word, and clears them all."""
    found = [
        record.getMessage()
        for record in caplog.records
        if record.name == name and record.getMessage().startswith(beginning)
    ]
    caplog.clear()
    return found


async def test_a_basket_keeps_its_last_changes(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "basket")
    long, short = await make_basket(2_310), await make_basket(10)
    await make_history(long, 11)
    await make_history(short, 1)
    sweeper = HistorySweeper(1_000, DAYS)
    await sweeper.sweep()
    assert await versions(long) == (1_000, 1_311, 2_310)
    assert await versions(short) == (10, 1, 10)
    assert messages(caplog, "basket", "Deleted") == [
        "Deleted 0 changes of baskets after 90 days, and 1300 beyond 1000 per basket."
    ]
    await sweeper.sweep()
    assert messages(caplog, "basket", "Deleted") == []
    assert await BasketChange.all().count() == 1_010


async def test_a_basket_that_changes_again_is_shortened_by_the_next_run(
    database: str,
) -> None:
    basket, other = await make_basket(5), await make_basket(3)
    await make_history(basket, 1)
    await make_history(other, 1)
    sweeper = HistorySweeper(4, DAYS)
    await sweeper.sweep()
    assert (await versions(basket), await versions(other)) == ((4, 2, 5), (3, 1, 3))
    for changed, version in ((basket, 8), (other, 5)):
        first, changed.version = changed.version + 1, version
        await changed.save()
        await make_history(changed, first)
    await sweeper.sweep()
    assert (await versions(basket), await versions(other)) == ((4, 5, 8), (4, 2, 5))


async def test_changes_are_deleted_after_the_days_also_the_last_of_a_basket(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "basket")
    old, mixed, new = await make_basket(1_200), await make_basket(3), await make_basket(2)
    await make_history(old, 1, days=90.01)
    mixed.version = 2
    await make_history(mixed, 1, days=91)
    mixed.version = 3
    await make_history(mixed, 3, days=89.99)
    await make_history(new, 1)
    await HistorySweeper(5_000, DAYS).sweep()
    assert await versions(old) == (0, 0, 0)
    assert await versions(mixed) == (1, 3, 3)
    assert await versions(new) == (2, 1, 2)
    assert messages(caplog, "basket", "Deleted") == [
        "Deleted 1202 changes of baskets after 90 days, and 0 beyond 5000 per basket."
    ]


async def test_a_basket_without_history_or_with_less_than_its_versions_is_left(
    database: str,
) -> None:
    without, late = await make_basket(5_000), await make_basket(5_000)
    await make_history(late, 4_999)
    await HistorySweeper(1_000, DAYS).sweep()
    assert await versions(without) == (0, 0, 0)
    assert await versions(late) == (2, 4_999, 5_000)


async def test_a_statement_deletes_at_most_a_batch(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert BATCH == 500
    old, long = await make_basket(1_001), await make_basket(1_251)
    await make_history(old, 1, days=100)
    await make_history(long, 1)
    caplog.set_level(logging.DEBUG, "tortoise.db_client")
    await HistorySweeper(250, DAYS).sweep()
    # 500, 500 and 1 of the age, then 500, 500 and 1 of the number.
    deletions = messages(caplog, "tortoise.db_client", "DELETE")
    sizes = [text.rpartition(": [")[2].count(",") + 1 for text in deletions]
    assert sizes == [500, 500, 1, 500, 500, 1]


async def test_no_run_reads_the_whole_table(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)

    async def is_last() -> bool:
        return int(await connection.fetchval(LATER_CONNECTIONS)) == 0

    async def scans() -> int:
        """Backends report their scans when they end."""
        await disconnect()
        await eventually(is_last, "the end of the later connections")
        return int(await connection.fetchval(SCANS))

    await connect(postgres_url)
    await write_people()
    for _ in range(4):
        await make_history(await make_basket(8_000), 1)
    await connection.execute("VACUUM (ANALYZE) basket_change")
    before = await scans()
    await connect(postgres_url)
    sweeper = HistorySweeper(7_000, DAYS)
    await sweeper.sweep()
    await sweeper.sweep()
    assert await scans() == before
    assert await connection.fetchval("SELECT count(*) FROM basket_change") == 28_000
    await connection.close()


async def test_a_server_deletes_by_its_settings(
    service: Service, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.lifecycle.purge.DELAY_SECONDS", 0.1)
    basket, old = await make_basket(9), await make_basket(2)
    await make_history(basket, 1)
    await make_history(old, 1, days=3.01)

    async def is_swept() -> bool:
        found = await versions(basket), await versions(old)
        return found == ((4, 6, 9), (0, 0, 0))

    async with serve_beside(service, database_url, history_changes=4, history_days=3):
        await eventually(is_swept, "the deletion of history")
