"""Changes of many lines: the time of each beside that of the least that could do the same.

- 1,000 additions of known products in one request, beside the bare inserts of their rows: by one
  statement over all of them, and by a statement per row, pipelined, in one transaction.
- The same with onInvalid: SKIP, half of the lines bad, beside all of them good.
- A copy of a draft of 10,000 lines, beside the import of the same lines as a csv file.

The server runs on core 0, PostgreSQL and the client where they like. Before each, the buyer has no
active basket.
"""

import argparse
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import httpx

from bench.checkouts import checkouts_of
from bench.files import BULK, PRODUCTS, Files, FilesDiffer, seconds_of, send
from bench.load import TIMESTAMP
from bench.operations import OURS
from bench.population import Placed
from bench.reset import confirmation, reset
from bench.run import prepare
from bench.servers import all_running

LINES = 1_000
USER = "bench-import"

_ADD = """
mutation ($items: [BasketItemInput!]!, $onInvalid: OnInvalid!) {
  basketItemsAdd(input: {items: $items, onInvalid: $onInvalid}) {
    acceptedCount basket { version } userErrors { code }
  }
}"""
_SAVE = (
    'mutation { basketSave(input: {name: "Bench"}) { basket { id } userErrors { code } } }'
)
_COPY = """
mutation ($id: ID!) {
  basketCopy(input: {basketId: $id}) { acceptedCount basket { version } userErrors { code } }
}"""
_BASKET = f"""
INSERT INTO basket (user_id, segment, status, version, created_at, updated_at)
VALUES ($1, 0, 'ACTIVE', 1, {TIMESTAMP}, {TIMESTAMP}) RETURNING id"""
_NEXT_ITEMS = """
SELECT nextval(pg_get_serial_sequence('basket_item', 'id'))
FROM generate_series(1, $1::int)"""
_ITEM = """
INSERT INTO basket_item (id, basket_id, product_id, price, currency)
VALUES ($1, $2, $3, 4900, 'try')"""
_QUANTITY = """
INSERT INTO basket_item_division (item_id, division_id, quantity) VALUES ($1, $2, $3)"""
_CLEAR = "DELETE FROM basket WHERE user_id = $1 AND id <> $2"


_PAIRS = (
    ("1,000 lines added, inserted by one statement", "added", "at once"),
    ("1,000 lines added, inserted row by row, pipelined", "added", "each"),
    ("SKIP with half of them bad, all good", "half", "good"),
    ("10,000 lines copied, imported", "copied", "imported"),
)
Work = Callable[[], Awaitable[object]]


class BulkChanges:
    """Measures changes of many lines at one server."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        connection: asyncpg.Connection,
        populations: list[Placed],
        rounds: int,
    ) -> None:
        self.client = client
        self.connection = connection
        self.populations = populations
        self.rounds = rounds
        self.draft = 0
        placed = next(each for each in populations if each.population.prefix == USER)
        self.user = placed.first_user
        self.division = placed.main_division(1)

    async def measure(self, works: Mapping[str, Work]) -> dict[str, float]:
        """Returns the median of the seconds that each takes, with no basket but the draft."""
        seconds: dict[str, list[float]] = {name: [] for name in works}
        # In turn, so that all see the same load of the machine; the first round warms up.
        for _, (name, work) in product(range(self.rounds + 1), works.items()):
            await self.clear()
            seconds[name].append(await seconds_of(work()))
        return {name: median(taken[1:]) for name, taken in seconds.items()}

    async def clear(self) -> None:
        """Deletes the baskets of the buyer but for the draft."""
        await self.connection.execute(_CLEAR, self.user, self.draft)
        await self.connection.execute(confirmation())

    async def make_draft(self, content: bytes) -> None:
        """Makes a draft of the lines of a file."""
        await reset(self.connection, self.populations)
        await self.clear()
        await send(self.client, content, "csv")
        self.draft = int((await self.ask(_SAVE))["basket"]["id"].rpartition("_")[2])

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """Sends an operation and returns the payload; raises FilesDiffer for an error."""
        response = await self.client.post(
            "/graphql", json={"query": document, "variables": variables}
        )
        content = response.json()
        if "errors" in content:
            raise FilesDiffer(f"A change was answered with {response.text[:500]}.")
        (payload,) = content["data"].values()
        return dict(payload)

    async def add(self, *, bad: int = 0, on_invalid: str = "REJECT") -> None:
        """Adds lines, of which every second one is bad until there are that many."""
        items = [
            {
                "sku": f"BENCH-{number}",
                "quantity": number % 9 + 1,
                # No company has so high a number.
                "divisionErpCode": "BM0" if number <= 2 * bad and number % 2 else self.own,
            }
            for number in range(1, LINES + 1)
        ]
        payload = await self.ask(_ADD, items=items, onInvalid=on_invalid)
        if payload["acceptedCount"] != LINES - bad:
            raise FilesDiffer(f"The addition was answered with {str(payload)[:500]}.")

    @property
    def own(self) -> str:
        """The ERP code of the buyer's division."""
        return f"BM{self.division // 2 + 1}"

    async def insert_at_once(self) -> None:
        """Inserts the rows of the additions by one statement."""
        numbers = range(1, LINES + 1)
        await self.connection.execute(
            BULK,
            self.user,
            [f"BENCH-{number}" for number in numbers],
            [number % 9 + 1 for number in numbers],
            [self.own] * LINES,
        )

    async def insert_each(self) -> None:
        """Inserts the same rows, of ids that are known, by pipelined statements of one row each."""
        numbers = range(1, LINES + 1)
        async with self.connection.transaction():
            basket = await self.connection.fetchval(_BASKET, self.user)
            drawn = await self.connection.fetch(_NEXT_ITEMS, LINES)
            items = [row[0] for row in drawn]
            await self.connection.executemany(
                _ITEM,
                [
                    (item, basket, number)
                    for item, number in zip(items, numbers, strict=True)
                ],
            )
            await self.connection.executemany(
                _QUANTITY,
                [
                    (item, self.division, n % 9 + 1)
                    for item, n in zip(items, numbers, strict=True)
                ],
            )

    async def copy(self) -> None:
        """Copies the draft."""
        payload = await self.ask(_COPY, id=f"basket_{self.draft}")
        if payload["acceptedCount"] != 2 * PRODUCTS:
            raise FilesDiffer(f"The copy was answered with {str(payload)[:500]}.")

    async def lines(self, content: bytes) -> list[str]:
        """Measures everything, and returns the lines of the report."""
        await self.make_draft(content)
        seconds = await self.measure(
            {
                "added": self.add,
                "at once": self.insert_at_once,
                "each": self.insert_each,
                "good": partial(self.add, on_invalid="SKIP"),
                "half": partial(self.add, bad=LINES // 2, on_invalid="SKIP"),
                "copied": self.copy,
                "imported": partial(send, self.client, content, "csv"),
            }
        )
        return [
            f"{subject:<50}{seconds[ours] * 1e3:8,.0f}{seconds[other] * 1e3:8,.0f} ms"
            f"{seconds[ours] / seconds[other]:7.2f}"
            for subject, ours, other in _PAIRS
        ]


async def measure_bulk(arguments: argparse.Namespace) -> None:
    """Measures changes of many lines and prints the times of both, and their ratio."""
    populations = await prepare(arguments.database)
    connection = await asyncpg.connect(arguments.database)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="basket-bench-") as folder,
            all_running(checkouts_of([OURS], arguments.database)) as servers,
        ):
            content = Files(arguments.database, populations, Path(folder)).content("csv")
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{servers[OURS].port}",
                headers={"Authorization": f"Token {USER}-1"},
                timeout=60,
            ) as client:
                changes = BulkChanges(client, connection, populations, arguments.rounds)
                print("\n".join(await changes.lines(content)))
    finally:
        await connection.close()
