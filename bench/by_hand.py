"""Written by hand: Starlette, asyncpg and orjson without GraphQL, as fast as we could make it. The limit.

The same authentication as ours: a token's digest is looked up, and its buyer kept for at most 5 seconds. The same
answers: what ours says to the operation of the workload. Endpoints are plain ASGI applications, routed by Starlette.

What was tried for R20, in microseconds of one core (`server` computes in Python, `PostgreSQL` in the database; all on a
machine that was busy with other work, so only their relations count):

- one joined statement, a row an item and division with 30 columns: PostgreSQL 258, and 1,200 values to decode;
- a row an item, its divisions as an array, the divisions' details once as JSON: PostgreSQL 204, server 109 to fetch;
- **the same as one row with an array a column**: PostgreSQL as before, server 77 to fetch. Kept;
- JSON built by PostgreSQL: PostgreSQL 455, which is more than everything else together takes, so the database's core
  would be the limit at 2,200 requests a second;
- text put together in Python instead of dicts for orjson: 108 instead of 60 + 15;
- amounts by slicing instead of dividing, one dictionary of divisions for all items, `variants` passed through as
  orjson.Fragment, moments written by orjson: 60 instead of 79 to build the answer;
- own list of connections instead of asyncpg's pool, even one without a reset: 20 less.

For W1, four round trips: BEGIN with the lock on the basket in one simple query, the addition and the read as prepared
statements, COMMIT. With the addition inlined into the first query there are three, and it is worse: PostgreSQL plans it
anew each time (675 instead of 260), and the server saves nothing that can be measured (140 and 140).
"""

import hashlib
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg
import orjson
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from bench.by_hand_basket import (
    CURRENCIES,
    DRAFTS,
    OTHER_DIVISIONS,
    READ,
    TOTALS,
    amount,
    unknown_divisions,
    whole_basket,
)
from bench.by_hand_connections import Connections

KEPT_SECONDS = 5.0
KEPT_TOKENS = 10_000
MAXIMUM_QUANTITY, MAXIMUM_ITEMS, MAXIMUM_TOTAL_QUANTITY = 1_000_000, 10_000, 2_147_483_647
NO_SEGMENT = 0
PAGE = 20

_AUTHENTICATE = (
    "SELECT u.id, d.id, d.is_active FROM token t JOIN user_account u ON u.id = t.user_id "
    "JOIN division d ON d.id = u.division_id WHERE t.digest = $1 AND u.is_active"
)
# Two statements in one round trip: numbers are written into the text, which the simple protocol needs.
_BEGIN_AND_LOCK = (
    "BEGIN; INSERT INTO basket (user_id, segment, status, version, created_at, updated_at) "
    "VALUES ({user}, 0, 'ACTIVE', 1, clock_timestamp(), clock_timestamp()) "
    "ON CONFLICT (user_id, segment) WHERE status = 'ACTIVE' "
    "DO UPDATE SET version = basket.version + 1, updated_at = excluded.updated_at"
)
_ADD = (
    "WITH line AS (SELECT b.id AS basket_id, p.id AS product_id, p.price, p.currency, i.id AS item_id FROM basket b "
    "JOIN product p ON p.remote_id = $3 AND p.segment = $2 "
    "LEFT JOIN basket_item i ON i.basket_id = b.id AND i.product_id = p.id "
    "WHERE b.user_id = $1 AND b.segment = $2 AND b.status = 'ACTIVE' AND (i.id IS NOT NULL "
    "OR p.is_available AND p.refreshed_at > clock_timestamp() - interval '300 s')), "
    "made AS (INSERT INTO basket_item (basket_id, product_id, price, currency) "
    "SELECT basket_id, product_id, price, currency FROM line WHERE item_id IS NULL RETURNING id) "
    "INSERT INTO basket_item_division (item_id, division_id, quantity) SELECT item.id, d.id, $5 "
    "FROM (SELECT item_id AS id FROM line WHERE item_id IS NOT NULL UNION ALL SELECT id FROM made) item "
    "JOIN division d ON d.id = $4 AND d.is_active AND (d.id = $6 OR d.parent_id = $6) "
    "ON CONFLICT (item_id, division_id) DO UPDATE SET quantity = basket_item_division.quantity + excluded.quantity "
    "RETURNING quantity"
)

Answer = tuple[int, Any]
Endpoint = Callable[["Buyer", bytes], Awaitable[Answer]]


class Buyer(NamedTuple):
    """Who asks."""

    id: int
    division_id: int
    is_active: bool


class Rejected(Exception):
    """Raised when nothing may be changed."""


class Shop:
    """The endpoints."""

    def __init__(self, url: str) -> None:
        self.connections = Connections(url)
        self.kept: dict[bytes, tuple[float, Buyer]] = {}

    @asynccontextmanager
    async def lifespan(self, application: Router) -> AsyncIterator[None]:
        """Closes the connections at the end."""
        yield
        await self.connections.close()

    async def buyer(self, scope: Scope) -> Buyer | None:
        """Returns the active buyer that a request's token belongs to."""
        header = next(
            (value for name, value in scope["headers"] if name == b"authorization"), b""
        )
        kept = self.kept.get(header)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        scheme, _, token = header.partition(b" ")
        async with self.connections.taken() as connection:
            row = await connection.fetchrow(
                _AUTHENTICATE, hashlib.sha256(token.strip()).hexdigest()
            )
        if row is None or scheme.lower() != b"token":
            return None
        if len(self.kept) >= KEPT_TOKENS:
            self.kept.clear()
        buyer = Buyer(*row)
        self.kept[header] = (time.monotonic() + KEPT_SECONDS, buyer)
        return buyer

    async def basket(self, buyer: Buyer, body: bytes) -> Answer:
        """Reads the active basket."""
        async with self.connections.taken() as connection:
            row = await connection.fetchrow(READ, buyer.id, NO_SEGMENT)
            basket = await _whole(connection, row) if row else None
        return 200, {"data": {"activeBasket": basket}}

    async def drafts(self, buyer: Buyer, body: bytes) -> Answer:
        """Lists the newest drafts."""
        async with self.connections.taken() as connection:
            rows = await connection.fetch(DRAFTS, buyer.id, PAGE + 1)
        return 200, {"data": {"draftBaskets": _connection(rows, buyer.id)}}

    async def add(self, buyer: Buyer, body: bytes) -> Answer:
        """Adds a product and returns the basket."""
        return await self._added(buyer, body, _checked_basket)

    async def add_for_totals(self, buyer: Buyer, body: bytes) -> Answer:
        """Adds a product and returns the sums of the basket."""
        return await self._added(buyer, body, _checked_totals)

    async def _added(
        self,
        buyer: Buyer,
        body: bytes,
        read: Callable[[asyncpg.Connection, int], Awaitable[dict[str, Any]]],
    ) -> Answer:
        given = orjson.loads(body)
        product, quantity = int(given["productRemoteId"]), int(given["quantity"])
        division = int(given["divisionId"].removeprefix("division_"))
        if not 1 <= quantity <= MAXIMUM_QUANTITY:
            return 400, {"error": "The quantity is out of range."}
        async with self.connections.taken() as connection:
            await connection.execute(_BEGIN_AND_LOCK.format(user=buyer.id))
            try:
                added = await connection.fetchval(
                    _ADD,
                    buyer.id,
                    NO_SEGMENT,
                    product,
                    division,
                    quantity,
                    buyer.division_id,
                )
                if added is None or added > MAXIMUM_QUANTITY:
                    raise Rejected
                basket = await read(connection, buyer.id)
            except BaseException as error:
                await connection.execute("ROLLBACK")
                if isinstance(error, Rejected):
                    return 400, {"error": "The product cannot be added."}
                raise
            await connection.execute("COMMIT")
        return 200, {"data": {"basketItemsAdd": {"basket": basket, "userErrors": []}}}


async def _whole(connection: asyncpg.Connection, row: Any) -> dict[str, Any]:
    divisions = orjson.loads(row[-1])
    try:
        return whole_basket(row, divisions)
    except KeyError:
        missing = unknown_divisions(row, divisions)
        divisions |= orjson.loads(await connection.fetchval(OTHER_DIVISIONS, missing))
        return whole_basket(row, divisions)


async def _checked_basket(connection: asyncpg.Connection, user_id: int) -> dict[str, Any]:
    row = await connection.fetchrow(READ, user_id, NO_SEGMENT)
    basket = await _whole(connection, row)
    if (
        basket["itemCount"] > MAXIMUM_ITEMS
        or basket["totalQuantity"] > MAXIMUM_TOTAL_QUANTITY
    ):
        raise Rejected
    if len(set(row[CURRENCIES])) > 1:
        raise Rejected
    return basket


async def _checked_totals(connection: asyncpg.Connection, user_id: int) -> dict[str, Any]:
    identifier, count, quantity, total, currency, currencies, _ = await connection.fetchrow(
        TOTALS, user_id, NO_SEGMENT
    )
    if count > MAXIMUM_ITEMS or quantity > MAXIMUM_TOTAL_QUANTITY or currencies > 1:
        raise Rejected
    return {
        "id": f"basket_{identifier}",
        "totalAmount": amount(total),
        "totalQuantity": quantity,
        "itemCount": count,
        "currency": currency,
    }


def _connection(rows: list[Any], user_id: int) -> dict[str, Any]:
    edges = [_edge(row, user_id) for row in rows[:PAGE]]
    return {
        "edges": edges,
        "pageInfo": {
            "hasNextPage": len(rows) > PAGE,
            "hasPreviousPage": False,
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
        },
        "totalCount": rows[0][12] if rows else 0,
    }


def _edge(row: Any, user_id: int) -> dict[str, Any]:
    (
        identifier,
        status,
        name,
        segment,
        version,
        created,
        updated,
        count,
        quantity,
        total,
        currency,
        saved,
        _,
    ) = row
    place = f"drafts {user_id} {saved.isoformat()} {identifier}"
    cursor = urlsafe_b64encode(place.encode()).decode().rstrip("=")
    node = {
        "id": f"basket_{identifier}",
        "status": status,
        "name": name,
        "segmentRemoteId": segment or None,
        "currency": currency,
        "totalAmount": amount(total),
        "totalQuantity": quantity,
        "itemCount": count,
        "version": version,
        "createdAt": created,
        "updatedAt": updated,
    }
    return {"cursor": cursor, "node": node}


class Door:
    """An ASGI application that answers one kind of request."""

    def __init__(self, shop: Shop, endpoint: Endpoint) -> None:
        self.shop = shop
        self.endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        buyer = await self.shop.buyer(scope)
        if buyer is None:
            status, content = 401, {"error": "The token is not valid."}
        elif not buyer.is_active:
            status, content = 403, {"error": "The division is inactive."}
        else:
            sent = await _body(receive) if scope["method"] == "POST" else b""
            if sent is None:
                return
            status, content = await self.endpoint(buyer, sent)
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
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def create_application(url: str) -> Router:
    """Puts the server together."""
    shop = Shop(url)
    routes = [
        Route("/basket", Door(shop, shop.basket), methods=["GET"]),
        Route("/drafts", Door(shop, shop.drafts), methods=["GET"]),
        Route("/basket/items", Door(shop, shop.add), methods=["POST"]),
        Route("/basket/items/totals", Door(shop, shop.add_for_totals), methods=["POST"]),
    ]
    return Router(routes, lifespan=shop.lifespan)
