"""The server by hand: Starlette, asyncpg and orjson without GraphQL, as fast as we could make it.

It authenticates as ours does: a token's digest is looked up, and its buyer cached for at most 5
seconds. It answers the operation of a workload as ours does. Endpoints are plain ASGI applications,
routed by Starlette.

Variants of R20, in microseconds of one core (`server` for Python, `PostgreSQL` for the database;
all on a machine with other load, so only their relations count):

- one joined statement, one row per item and division with 30 columns: PostgreSQL 258, and 1,200
  values to decode;
- one row per item, its divisions as an array, the divisions' details once as JSON: PostgreSQL 204,
  server 109 to fetch;
- **the same as one row with one array per column**: PostgreSQL as before, server 77 to fetch. Used;
- JSON built by PostgreSQL: PostgreSQL 455, more than everything else together, so the database's
  core would be the limit at 2,200 requests per second;
- text put together in Python instead of dictionaries for orjson: 108 instead of 60 + 15;
- amounts by slicing instead of dividing, one dictionary of divisions for all items, `variants` as
  orjson.Fragment, timestamps written by orjson: 60 instead of 79 to build the answer;
- an own list of connections instead of asyncpg's pool, even one without a reset: 20 less.

W1 takes four round trips: BEGIN with the lock on the basket in one simple query, the addition and
the read as prepared statements, COMMIT; W2 takes the totals from the addition, and needs no read.
With the addition in the text of the first query there
are three, and it is slower: PostgreSQL plans it each time (675 instead of 260), and the server
saves nothing that can be measured (140 and 140).
"""

import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg
import orjson
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from bench.by_hand_basket import (
    PAGE,
    amount,
    draft_connection,
    full_basket,
    unknown_divisions,
)
from bench.by_hand_connections import Connections
from bench.by_hand_statements import (
    ADD,
    AUTHENTICATE,
    BADGE,
    BEGIN_AND_LOCK,
    DRAFTS,
    MAKE_AND_LOCK,
    OTHER_DIVISIONS,
    READ,
)

# As ours: a revoked token works for at most this long.
TOKEN_CACHE_SECONDS = 5.0
TOKEN_CACHE_SIZE = 10_000
MAXIMUM_QUANTITY, MAXIMUM_ITEMS, MAXIMUM_TOTAL_QUANTITY = 1_000_000, 10_000, 2_147_483_647
NO_SEGMENT = 0
NOT_FOUND = "SELECT 0"
"""The status of a statement that selects no row."""

Answer = tuple[int, Any]
Handler = Callable[["Buyer", bytes], Awaitable[Answer]]


class Buyer(NamedTuple):
    """The authenticated user of a request."""

    id: int
    division_id: int
    is_active: bool


class RolledBack(Exception):
    """Raised when an addition breaks a rule; the transaction is rolled back."""


class Shop:
    """The endpoints."""

    def __init__(self, url: str) -> None:
        self.connections = Connections(url)
        self.buyers: dict[bytes, tuple[float, Buyer]] = {}

    @asynccontextmanager
    async def lifespan(self, application: Router) -> AsyncIterator[None]:
        """Closes the connections at the end."""
        yield
        await self.connections.close()

    async def buyer(self, scope: Scope) -> Buyer | None:
        """Returns the active buyer of a request's token; None for an unknown one."""
        header = next(
            (value for name, value in scope["headers"] if name == b"authorization"), b""
        )
        entry = self.buyers.get(header)
        if entry is not None and entry[0] > time.monotonic():
            return entry[1]
        scheme, _, token = header.partition(b" ")
        async with self.connections.borrowed() as connection:
            row = await connection.fetchrow(
                AUTHENTICATE, hashlib.sha256(token.strip()).hexdigest()
            )
        if row is None or scheme.lower() != b"token":
            return None
        if len(self.buyers) >= TOKEN_CACHE_SIZE:
            # An order of use would cost more than this does once per 10,000 tokens.
            self.buyers.clear()
        buyer = Buyer(*row)
        self.buyers[header] = (time.monotonic() + TOKEN_CACHE_SECONDS, buyer)
        return buyer

    async def basket(self, buyer: Buyer, body: bytes) -> Answer:
        """Reads the active basket."""
        async with self.connections.borrowed() as connection:
            row = await connection.fetchrow(READ, buyer.id, NO_SEGMENT)
            basket = await _full_basket(connection, row) if row else None
        return 200, {"data": {"activeBasket": basket}}

    async def badge(self, buyer: Buyer, body: bytes) -> Answer:
        """Reads the totals of the active basket."""
        async with self.connections.borrowed() as connection:
            row = await connection.fetchrow(BADGE, buyer.id, NO_SEGMENT)
        basket = None
        if row:
            count, quantity, total, _ = row
            basket = {
                "totalQuantity": quantity,
                "totalAmount": amount(total),
                "itemCount": count,
            }
        return 200, {"data": {"activeBasket": basket}}

    async def drafts(self, buyer: Buyer, body: bytes) -> Answer:
        """Lists the newest drafts."""
        async with self.connections.borrowed() as connection:
            # One row more than the page tells whether there is a next page.
            rows = await connection.fetch(DRAFTS, buyer.id, PAGE + 1)
        return 200, {"data": {"draftBaskets": draft_connection(rows, buyer.id)}}

    async def add(self, buyer: Buyer, body: bytes) -> Answer:
        """Adds a product and returns the basket."""

        async def read(connection: asyncpg.Connection, totals: Any) -> dict[str, Any]:
            row = await connection.fetchrow(READ, buyer.id, NO_SEGMENT)
            return await _full_basket(connection, row)

        return await self._add(buyer, body, read)

    async def add_for_totals(self, buyer: Buyer, body: bytes) -> Answer:
        """Adds a product and returns the totals of the basket."""

        async def read(connection: asyncpg.Connection, totals: Any) -> dict[str, Any]:
            return _totals(totals)

        return await self._add(buyer, body, read)

    async def _add(
        self,
        buyer: Buyer,
        body: bytes,
        read: Callable[[asyncpg.Connection, Any], Awaitable[dict[str, Any]]],
    ) -> Answer:
        line = orjson.loads(body)
        product, quantity = int(line["productRemoteId"]), int(line["quantity"])
        division = int(line["divisionId"].removeprefix("division_"))
        if not 1 <= quantity <= MAXIMUM_QUANTITY:
            return 400, {"error": "The quantity is out of range."}
        async with self.connections.borrowed() as connection:
            found = await connection.execute(BEGIN_AND_LOCK.format(user=buyer.id))
            try:
                if found == NOT_FOUND:
                    await connection.execute(MAKE_AND_LOCK.format(user=buyer.id))
                row = await connection.fetchrow(
                    ADD,
                    buyer.id,
                    NO_SEGMENT,
                    product,
                    division,
                    quantity,
                    buyer.division_id,
                )
                _check_limits(row)
                basket = await read(connection, row)
            # A cancelled request, too, must not leave its transaction open.
            except BaseException as error:
                await connection.execute("ROLLBACK")
                if isinstance(error, RolledBack):
                    return 400, {"error": "The product cannot be added."}
                raise
            await connection.execute("COMMIT")
        return 200, {"data": {"basketItemsAdd": {"basket": basket, "userErrors": []}}}


async def _full_basket(connection: asyncpg.Connection, row: Any) -> dict[str, Any]:
    divisions = orjson.loads(row[-1])
    try:
        return full_basket(row, divisions)
    except KeyError:
        # The buyer, or a division, may have moved to another company since.
        missing = unknown_divisions(row, divisions)
        divisions |= orjson.loads(await connection.fetchval(OTHER_DIVISIONS, missing))
        return full_basket(row, divisions)


def _check_limits(row: Any) -> None:
    if row is None:
        raise RolledBack
    _, count, total_quantity, _, _, quantity = row
    if quantity > MAXIMUM_QUANTITY or count > MAXIMUM_ITEMS:
        raise RolledBack
    if total_quantity > MAXIMUM_TOTAL_QUANTITY:
        raise RolledBack


def _totals(row: Any) -> dict[str, Any]:
    identifier, count, quantity, total, currency, _ = row
    return {
        "id": f"basket_{identifier}",
        "totalAmount": amount(total),
        "totalQuantity": quantity,
        "itemCount": count,
        "currency": currency,
    }


class Endpoint:
    """An ASGI application for one path."""

    def __init__(self, shop: Shop, handler: Handler) -> None:
        self.shop = shop
        self.handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        buyer = await self.shop.buyer(scope)
        if buyer is None:
            status, content = 401, {"error": "The token is not valid."}
        elif not buyer.is_active:
            status, content = 403, {"error": "The division is inactive."}
        else:
            request_body = await _body(receive) if scope["method"] == "POST" else b""
            if request_body is None:
                return
            status, content = await self.handler(buyer, request_body)
        body = orjson.dumps(content)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes | None:
    body: bytes = b""
    while True:
        message = await receive()
        # The client is gone, and nobody reads a response.
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def create_by_hand(url: str) -> Router:
    """Returns the application of a database."""
    shop = Shop(url)
    routes = [
        Route("/basket", Endpoint(shop, shop.basket), methods=["GET"]),
        Route("/badge", Endpoint(shop, shop.badge), methods=["GET"]),
        Route("/drafts", Endpoint(shop, shop.drafts), methods=["GET"]),
        Route("/basket/items", Endpoint(shop, shop.add), methods=["POST"]),
        Route(
            "/basket/items/totals", Endpoint(shop, shop.add_for_totals), methods=["POST"]
        ),
    ]
    return Router(routes, lifespan=shop.lifespan)
