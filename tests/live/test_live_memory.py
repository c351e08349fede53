"""The memory that live operations hold, for a token and for the process."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import Any

import orjson
import pytest

from application import create_executor
from models.user import hash_token
from settings.options import Options
from tests.support.events import subscribe
from tests.support.service import ApplicationClient, serve
from tests.support.shop import Shop
from tests.support.transport_ws import VIEWER, open_peer
from tests.support.waiting import eventually
from tests.support.watching import ACTIVE, watch
from tests.support.websockets import listen
from web.graphql.document import Document
from web.live.memory import (
    BYTES_PER_JSON_BYTE,
    MEMORY_CODE,
    OPERATION_BYTES,
    LiveMemory,
    TooMuchMemory,
)
from web.live.messages import parse_message

SMALL = "subscription { activeBasket { version } }"
MEGABYTE = 1_000_000


def large_document(number: int) -> str:
    """Returns a document unlike all others, with nearly as many tokens as one may have."""
    fields = "".join(f" a{number}_{index}: version" for index in range(40))
    repeated = "".join(f" ...on Basket {{ {name} }}" for name in ("id", "version") * 24)
    return f"subscription {{ activeBasket {{{fields}{repeated} }} }}"


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """Yields a function that returns the bytes that were allocated since."""
    gc.collect()
    tracemalloc.start()
    try:
        yield lambda: gc.collect() and 0 or tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


async def open_until_full(
    stack: AsyncExitStack, client: ApplicationClient, document: Callable[[int], str]
) -> int:
    """Opens subscriptions of one token until one is rejected; returns their number."""
    executor = create_executor(Options())
    for number in range(10_000):
        watching = watch(client, document(number), executor=executor)
        watched = await stack.enter_async_context(watching)
        try:
            await watched.next()
        except TooMuchMemory:
            return number
    raise AssertionError("Nothing was rejected.")


@pytest.mark.long
@pytest.mark.parametrize(("is_large", "count"), [(True, 7), (False, 308)])
async def test_operations_take_no_more_memory_than_they_count_for(
    sqlite_url: str, shop: Shop, is_large: bool, count: int
) -> None:
    options: dict[str, Any] = {
        "live_bytes": 10 * MEGABYTE,
        "live_bytes_per_token": 5 * MEGABYTE,
    }
    async with serve(sqlite_url, shop, **options) as service, AsyncExitStack() as stack:
        async with watch(service.application, SMALL) as first:
            await first.next()
        with traced() as taken:
            make = large_document if is_large else lambda number: SMALL
            assert await open_until_full(stack, service.application, make) == count
            assert taken() < 5 * MEGABYTE


@pytest.mark.parametrize(
    "content",
    [
        b"[" + b"[]," * 9_000 + b"0]",
        b"[" + b"{}," * 9_000 + b"0]",
        b'{"a":' * 400 + b"0" + b"}" * 400,
        b"[" + (b"[" * 400 + b"]" * 400 + b",") * 30 + b"0]",
        # Not as our parser writes it, so that the strict one reads it.
        b"[ " + (b"[" * 400 + b"]" * 400 + b",") * 30 + b"0]",
        b"[" + b'{"":0},' * 9_000 + b"0]",
        orjson.dumps(["a" * 9_000 + "\U0001f600"]),
    ],
)
def test_a_message_takes_no_more_memory_than_it_counts_for(content: bytes) -> None:
    text = b'{"id":"1","type":"subscribe","payload":{"query":"{a}","variables":{"a":%s}}}'
    event = {"type": "websocket.receive", "text": (text % content).decode()}
    with traced() as taken:
        message = parse_message(event)
        assert message.bytes == len(text % content)
        assert taken() <= BYTES_PER_JSON_BYTE * message.bytes


async def test_variables_that_no_operation_declares_are_not_held(
    sqlite_url: str, shop: Shop
) -> None:
    async with serve(sqlite_url, shop) as service, listen(service) as server:
        memory = service.application.state["live_connections"].memory
        async with open_peer(server.url) as peer:
            await peer.initialise()
            with traced() as taken:
                for number in range(40):
                    name = str(number)
                    await peer.subscribe(name, ACTIVE, segment=None, other=name * 400_000)
                    assert await peer.next(name) is None
                assert taken() < 3 * MEGABYTE
            assert memory.all.bytes < MEGABYTE
        await eventually(lambda: memory.all.bytes == 0, "The end")
        assert memory.tokens == {}


def test_a_document_counts_once_with_the_plans_that_it_has_by_then() -> None:
    memory = LiveMemory(per_process=10**9, per_token=10**9)
    document = Document.__new__(Document)
    document.size = 1_000
    with ExitStack() as stack:
        for digest in ("a", "a", "b"):
            stack.enter_context(memory.hold(digest, 0, document))
        assert memory.all.bytes == 3 * OPERATION_BYTES + 334_000
        assert memory.tokens["a"].bytes == 2 * OPERATION_BYTES + 334_000
        assert memory.tokens["b"].bytes == OPERATION_BYTES + 334_000
        document.size = 3_000
        stack.enter_context(memory.hold("b", 100, document))
        assert memory.all.bytes == 4 * OPERATION_BYTES + 4_800 + 1_002_000
        assert memory.tokens["a"].bytes == 2 * OPERATION_BYTES + 334_000
        assert memory.tokens["b"].bytes == 2 * OPERATION_BYTES + 4_800 + 1_002_000
    assert memory.all.bytes == 0
    assert memory.tokens == {}


def test_a_rejected_operation_counts_nothing() -> None:
    memory = LiveMemory(per_process=1_000_000, per_token=500_000)
    with memory.hold("a", 10_000), pytest.raises(TooMuchMemory) as rejected:
        memory.hold("a", 1).__enter__()
    assert rejected.value.status == 429
    with memory.hold("a", 10_000), memory.hold("b", 10_000):
        with pytest.raises(TooMuchMemory) as rejected:
            memory.hold("c", 1_000).__enter__()
    assert rejected.value.status == 503
    assert str(rejected.value) == (
        "The live operations of the server hold 992000 bytes of memory, and this one would "
        "take 64000 more; LIVE_BYTES allows 1000000. End others first."
    )
    assert memory.tokens == {}
    assert memory.all.bytes == 0


async def test_an_operation_beyond_the_limit_gets_an_error_and_an_ended_one_makes_room(
    sqlite_url: str, shop: Shop
) -> None:
    async with serve(sqlite_url, shop, live_bytes_per_token=150_000) as service:
        async with listen(service) as server, open_peer(server.url) as peer:
            await peer.initialise()
            await peer.subscribe("large", VIEWER, unused="x" * 3_000)
            message = await peer.receive()
            assert message == {
                "id": "large",
                "type": "error",
                "payload": [
                    {
                        "message": "The live operations of the token hold 0 bytes of memory, "
                        "and this one would take 165328 more; LIVE_BYTES_PER_TOKEN allows "
                        "150000. End others first.",
                        "extensions": {"code": "TOO_MUCH_MEMORY"},
                    }
                ],
            }
            for number in range(5):
                await peer.subscribe(str(number), SMALL)
                assert await peer.next(str(number)) is None
            await peer.subscribe("beyond", VIEWER, unused="x" * 1_000)
            assert await peer.error("beyond") == MEMORY_CODE
            for number in range(5):
                await peer.send(id=str(number), type="complete")
            await peer.subscribe("query", VIEWER, unused="x" * 1_000)
            assert await peer.next("query") == {"email": "main@example.invalid"}


@pytest.mark.parametrize(
    ("limit", "status"), [("live_bytes", 503), ("live_bytes_per_token", 429)]
)
async def test_a_stream_beyond_the_limit_is_rejected(
    sqlite_url: str, shop: Shop, limit: str, status: int
) -> None:
    options: dict[str, Any] = {limit: 60_000}
    async with serve(sqlite_url, shop, **options) as service:
        async with listen(service) as server, AsyncExitStack() as stack:
            url = f"http://127.0.0.1:{server.port}"
            first = await stack.enter_async_context(subscribe(url, SMALL))
            assert await first.next() is None
            second = await stack.enter_async_context(subscribe(url, large_document(1)))
            (error,) = second.response.json()["errors"]
            assert second.response.status_code == status
            assert error["extensions"]["code"] == "TOO_MUCH_MEMORY"
            connections = service.application.state["live_connections"]
            assert connections.count == 1
            assert connections.memory.tokens.keys() == {hash_token("main")}
