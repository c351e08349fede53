"""Subscriptions over HTTP at a real server: limits, its end, and revoked tokens."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from commands.tokens import revoke_token
from models.database.connection import connect, disconnect
from tests.support.events import EventStream, subscribe
from tests.support.ports import free_port
from tests.support.process import write_people_to
from tests.support.processes import Processes
from tests.support.shop import Shop
from tests.support.waiting import eventually

ACTIVE = "subscription { activeBasket { id version } }"


@pytest.fixture
def processes(tmp_path: Path, sqlite_url: str, shop: Shop) -> Iterator[Processes]:
    """The environment of a server with few connections."""
    started = Processes(
        tmp_path,
        DATABASE_URL=sqlite_url,
        COMMERCE_URL=shop.url,
        REDIS_URL="",
        ENVIRONMENT="test",
        DRAIN_SECONDS="0",
        LIVE_CONNECTIONS="3",
        LIVE_CONNECTIONS_PER_TOKEN="2",
    )
    try:
        yield started
    finally:
        started.end()


@asynccontextmanager
async def server_of(processes: Processes, database_url: str) -> AsyncIterator[Any]:
    """Starts a server with the people of the tests; yields its process and address."""
    await write_people_to(database_url)
    port = free_port()
    process = await asyncio.to_thread(processes.serve, port)
    yield process, f"http://127.0.0.1:{port}"


async def rejection_of(stream: EventStream) -> tuple[int, str, str]:
    """Returns the status, the code and the message of a rejected subscription."""
    (error,) = stream.response.json()["errors"]
    return stream.response.status_code, error["extensions"]["code"], error["message"]


async def test_a_connection_beyond_a_limit_is_rejected_and_a_closed_one_makes_room(
    processes: Processes, sqlite_url: str
) -> None:
    async with server_of(processes, sqlite_url) as (_, url):
        async with AsyncExitStack() as stack:
            for _ in range(2):
                stream = await stack.enter_async_context(subscribe(url, ACTIVE))
                assert await stream.next() is None
            async with subscribe(url, ACTIVE) as third:
                assert await rejection_of(third) == (
                    429,
                    "TOO_MANY_CONNECTIONS",
                    "The token has 2 live connections, "
                    "all that LIVE_CONNECTIONS_PER_TOKEN allows.",
                )
            other = await stack.enter_async_context(subscribe(url, ACTIVE, "other"))
            assert await other.next() is None
            async with subscribe(url, ACTIVE, "sub") as fourth:
                assert await rejection_of(fourth) == (
                    503,
                    "TOO_MANY_CONNECTIONS",
                    "The server has 3 live connections, all that LIVE_CONNECTIONS allows.",
                )

        async def has_room() -> bool:
            async with subscribe(url, ACTIVE) as stream:
                return stream.response.status_code == 200

        await eventually(has_room, "Room for a connection")


async def test_a_server_that_ends_cuts_its_streams_without_completing_them(
    processes: Processes, sqlite_url: str
) -> None:
    async with server_of(processes, sqlite_url) as (process, url):
        async with subscribe(url, ACTIVE) as stream:
            assert await stream.next() is None
            process.send_signal(signal.SIGTERM)
            with pytest.raises(httpx.RemoteProtocolError):
                await stream.next_content()
            assert not stream.is_complete
        assert await asyncio.to_thread(process.wait) == 0


async def test_a_revoked_token_cuts_its_streams(
    processes: Processes, sqlite_url: str
) -> None:
    async with server_of(processes, sqlite_url) as (_, url):
        async with subscribe(url, ACTIVE) as stream:
            assert await stream.next() is None
            await connect(sqlite_url, 1)
            try:
                await revoke_token("main")
            finally:
                await disconnect()
            with pytest.raises(httpx.RemoteProtocolError):
                await stream.next_content()
            assert not stream.is_complete
        async with subscribe(url, ACTIVE) as stream:
            assert stream.response.status_code == 401


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("subscription { nothing }", None),
        ("subscription {", None),
        (
            'subscription { basketChanges(basketId: "basket_9") { isComplete } }',
            "BASKET_NOT_FOUND",
        ),
        ("query { nothing }", None),
    ],
)
async def test_a_client_of_events_alone_gets_errors_as_an_event(
    processes: Processes, sqlite_url: str, document: str, code: str | None
) -> None:
    async with server_of(processes, sqlite_url) as (_, url):
        async with subscribe(url, document) as stream:
            assert stream.response.status_code == 200
            content = await stream.next_content()
            assert content.keys() == {"errors"}
            (error,) = content["errors"]
            assert error.get("extensions", {}).get("code") == code
            assert await stream.next_content() is None
            assert stream.is_complete


async def test_queries_and_mutations_are_one_event_and_their_end(
    processes: Processes, sqlite_url: str
) -> None:
    async with server_of(processes, sqlite_url) as (_, url):
        for document, value in (
            ("{ viewer { email } }", {"email": "main@example.invalid"}),
            (
                "mutation { basketClear(input: {}) { userErrors { code } } }",
                {"userErrors": [{"code": "BASKET_NOT_FOUND"}]},
            ),
        ):
            async with subscribe(url, document) as stream:
                assert await stream.next() == value
                assert await stream.next_content() is None
                assert stream.is_complete
