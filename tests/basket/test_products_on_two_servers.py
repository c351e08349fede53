"""Two server processes show products and divisions as a third connection changes them."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.databases import databases
from tests.support.process import start_server, write_people_to
from tests.support.service import Caller
from tests.support.shop import serve_shop
from tests.support.thoroughness import IS_REPEATED, examples
from tests.support.waiting import TIMEOUT_SECONDS

pytestmark = pytest.mark.long

READ = """{ activeBasket { items {
  product { sku name price inStock } divisions { quantity division { erpCode name parent { name } } }
} } }"""
TRUTH = """
SELECT p.sku, p.name, p.price, p.in_stock, q.quantity, d.erp_code, d.name AS division, m.name AS parent
FROM basket_item i JOIN product p ON p.id = i.product_id
JOIN basket_item_division q ON q.item_id = i.id
JOIN division d ON d.id = q.division_id LEFT JOIN division m ON m.id = d.parent_id
ORDER BY i.id, q.id
"""
# One with the id and the revision of the row before, as a careless script writes it.
WRITE_AGAIN = """
CREATE TEMPORARY TABLE old AS SELECT * FROM product WHERE remote_id = {number};
UPDATE basket_item SET product_id = (SELECT MIN(id) FROM product WHERE remote_id <> {number} AND id NOT IN
(SELECT product_id FROM basket_item)) WHERE product_id = (SELECT id FROM old);
DELETE FROM product WHERE remote_id = {number};
UPDATE old SET name = '{name}';
INSERT INTO product SELECT * FROM old;
UPDATE basket_item SET product_id = (SELECT id FROM old) WHERE product_id NOT IN
(SELECT id FROM product WHERE remote_id <= 3);
DROP TABLE old
"""
CHANGES = {
    "name": "UPDATE product SET name = '{name}' WHERE remote_id = {number}",
    "price": "UPDATE product SET price = price + {number} WHERE remote_id = {number}",
    "sold out": "UPDATE product SET in_stock = NOT in_stock WHERE remote_id = {number}",
    "confirmed": "UPDATE product SET refreshed_at = CURRENT_TIMESTAMP WHERE remote_id = {number}",
    "written again": WRITE_AGAIN,
    "division": "UPDATE division SET name = '{name}' WHERE erp_code = 'ERP0{number}'",
}
SERVERS = st.lists(st.sampled_from([0, 1]), max_size=3)
STEP = st.tuples(
    st.sampled_from(sorted(CHANGES)),
    st.integers(1, 3),
    st.sampled_from(["one", "two", "three"]),
    st.booleans(),
    SERVERS,
    SERVERS,
)
Step = tuple[str, int, str, bool, list[int], list[int]]
ALL_KINDS: list[Step] = [
    (kind, 1, "one", is_kept, [0, 1], [1, 0])
    for kind in CHANGES
    for is_kept in (False, True)
]
"""However few examples are drawn: every change, rolled back and committed."""


class Outside(Protocol):
    """A connection of nobody that the servers know."""

    async def begin(self) -> None:
        """Begins a transaction that will change something."""

    async def run(self, statements: str) -> None:
        """Runs statements."""

    async def truth(self) -> list[tuple[Any, ...]]:
        """Returns what the basket shows of products and divisions."""


class OutsidePostgres:
    """A connection to PostgreSQL."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def begin(self) -> None:
        await self._connection.execute("BEGIN")

    async def run(self, statements: str) -> None:
        await self._connection.execute(statements)

    async def truth(self) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self._connection.fetch(TRUTH)]


class OutsideSqlite:
    """A connection to the file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def begin(self) -> None:
        # It waits for a server that writes; one that has read before it writes would be rejected.
        self._connection.execute("BEGIN IMMEDIATE")

    async def run(self, statements: str) -> None:
        # Not executescript, which commits first.
        for statement in statements.split(";"):
            self._connection.execute(statement)

    async def truth(self) -> list[tuple[Any, ...]]:
        return self._connection.execute(TRUTH).fetchall()


@asynccontextmanager
async def open_outside(url: str) -> AsyncIterator[Outside]:
    """Connects to a database past the servers."""
    if url.startswith("sqlite://"):
        path = url.removeprefix("sqlite://")
        file = sqlite3.connect(path, timeout=TIMEOUT_SECONDS, isolation_level=None)
        with closing(file):
            yield OutsideSqlite(file)
        return
    connection = await asyncpg.connect(url)
    try:
        yield OutsidePostgres(connection)
    finally:
        await connection.close()


def flat(data: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Returns what a server shows of the basket, as the rows of the database."""
    return [
        (
            item["product"]["sku"],
            item["product"]["name"],
            round(100 * float(item["product"]["price"])),
            item["product"]["inStock"],
            part["quantity"],
            part["division"]["erpCode"],
            part["division"]["name"],
            part["division"]["parent"] and part["division"]["parent"]["name"],
        )
        for item in data["activeBasket"]["items"]
        for part in item["divisions"]
    ]


@dataclass
class Pair:
    """The same buyer at two servers, and a connection past them."""

    callers: list[Caller]
    outside: Outside

    async def step(self, step: Step) -> int:
        """Makes a change, reads while it is open and when it has ended; returns the reads."""
        kind, number, name, is_kept, during, after = step
        before = await self.outside.truth()
        await self.outside.begin()
        await self.outside.run(CHANGES[kind].format(number=number, name=name))
        for server in during:
            assert await self.read(server) == before
        await self.outside.run("COMMIT" if is_kept else "ROLLBACK")
        truth = await self.outside.truth()
        for server in after:
            assert await self.read(server) == truth
        return len(during) + len(after)

    async def read(self, server: int) -> list[tuple[Any, ...]]:
        """Returns what a server shows."""
        return flat(await self.callers[server].query(READ))


@asynccontextmanager
async def open_pair(url: str, folder: Path) -> AsyncIterator[Pair]:
    """Starts two servers, and fills a basket of three products for three divisions each."""
    await write_people_to(url)
    async with AsyncExitStack() as stack:
        shop = await stack.enter_async_context(serve_shop())
        for number in (2, 3, 4):
            shop.sell(number, "10.00")
        servers = [
            await stack.enter_async_context(start_server(url, shop.url, folder))
            for _ in range(2)
        ]
        callers = [Caller(server.client, "main") for server in servers]
        lines = [
            {"productRemoteId": number, "divisionErpCode": code, "quantity": number}
            for number in (1, 2, 3)
            for code in ("ERP01", "ERP02", "ERP03")
        ]
        await callers[0].accepted("basketItemsAdd", items=lines)
        # A product that no basket holds.
        spare = [{"productRemoteId": 4, "divisionErpCode": "ERP01"}]
        await callers[0].accepted("basketItemsAdd", items=spare)
        await callers[1].accepted("basketItemRemove", productRemoteId=4)
        outside = await stack.enter_async_context(open_outside(url))
        yield Pair(callers, outside)


@pytest.fixture(params=["postgres", "sqlite"])
def running(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[asyncio.Runner, Pair]]:
    """The two servers on each database, with the event loop that they are asked in."""
    for url in databases(request.param, tmp_path):
        with asyncio.Runner() as loop:
            opened = open_pair(url, tmp_path)
            pair = loop.run(opened.__aenter__())
            try:
                yield loop, pair
            finally:
                loop.run(opened.__aexit__(None, None, None))


def test_neither_server_ever_shows_something_old(
    running: tuple[asyncio.Runner, Pair],
) -> None:
    loop, pair = running
    counted: Counter[object] = Counter()

    @settings(
        max_examples=examples(60),
        deadline=None,
        derandomize=IS_REPEATED,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(STEP, min_size=2, max_size=8))
    @example(ALL_KINDS)
    def run(steps: list[Step]) -> None:
        for step in steps:
            counted["reads"] += loop.run(pair.step(step))
            counted[step[0], step[3]] += 1

    run()
    assert set(counted) == {"reads", *((kind, kept) for kind in CHANGES for kept in (0, 1))}


def test_a_read_is_never_older_than_the_commit_before_it(
    running: tuple[asyncio.Runner, Pair],
) -> None:
    loop, pair = running
    begun = committed = 0
    seen: set[int] = set()

    async def write() -> None:
        nonlocal begun, committed
        while len(seen) < 40:
            begun += 1
            await pair.outside.run(
                f"UPDATE product SET name = '{begun}' WHERE remote_id = 1"
            )
            committed = begun
            await asyncio.sleep(0.001)

    async def read(server: int) -> None:
        while len(seen) < 40:
            least = committed
            name = int((await pair.read(server))[0][1])
            assert least <= name <= begun
            seen.add(name)

    async def all_at_once() -> None:
        await pair.outside.run("UPDATE product SET name = '0' WHERE remote_id = 1")
        async with asyncio.TaskGroup() as tasks:
            for server in (0, 0, 0, 1, 1, 1):
                tasks.create_task(read(server))
            tasks.create_task(write())

    loop.run(all_at_once())
