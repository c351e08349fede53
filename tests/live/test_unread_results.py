"""The memory of results that clients do not read: bounded, and no change is answered as undone."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from models.user import hash_token
from tests.support.events import subscribe
from tests.support.lines import line
from tests.support.service import Service, serve
from tests.support.shop import Shop
from tests.support.transport_ws import VIEWER, open_peer
from tests.support.waiting import eventually
from tests.support.watching import ACTIVE, watch
from tests.support.websockets import AsgiServer, listen
from web.live.memory import LiveMemory, TooMuchMemory

ADD = """mutation { basketItemsAdd(input: {items: [{productRemoteId: 1, divisionErpCode: "ERP01"}]})
  { basket { totalQuantity } userErrors { code } } }"""
FULL = (
    "The unread results of the {} hold 999990 bytes of memory, and this one would take {} more; "
    "{} allows 1000000. Read others first."
)
VIEWED = 5 * len('{"data":{"viewer":{"email":"main@example.invalid"}}}')


@pytest.fixture
async def service(sqlite_url: str, shop: Shop) -> AsyncIterator[Service]:
    """The application with room for few bytes."""
    limits: dict[str, Any] = {"live_bytes": 1_000_000, "live_bytes_per_token": 1_000_000}
    async with serve(sqlite_url, shop, **limits) as served:
        yield served


def results_of(service: Service) -> LiveMemory:
    """Returns the counts of unread results."""
    results: LiveMemory = service.application.state["live_connections"].results
    return results


@asynccontextmanager
async def full(service: Service, owner: str = "main") -> AsyncIterator[None]:
    """Fills the memory of a token's results but for ten bytes; at the end nothing else is held."""
    results, digest = results_of(service), hash_token(owner)
    results.take(digest, 999_990)
    yield
    await eventually(lambda: results.all.bytes == 999_990, "The end of the others")
    results.release(digest, 999_990)
    assert (results.all.bytes, results.tokens) == (0, {})


@asynccontextmanager
async def opened(service: Service) -> AsyncIterator[AsgiServer]:
    """Serves the application over connections."""
    async with listen(service) as server:
        yield server


async def test_results_count_until_they_have_left(service: Service) -> None:
    results, taken = results_of(service), 1_000_000 - 3 * VIEWED
    results.take("another", taken)
    async with AsyncExitStack() as stack:
        for number in range(1, 4):
            watched = await stack.enter_async_context(watch(service.application, VIEWER))
            await watched.next()
            assert results.all.bytes == taken + number * VIEWED
        watched = await stack.enter_async_context(watch(service.application, VIEWER))
        with pytest.raises(TooMuchMemory):
            await watched.next()
    results.release("another", taken)
    assert (results_of(service).all.bytes, results_of(service).tokens) == (0, {})


@pytest.mark.parametrize(
    ("owner", "subject", "setting"),
    [("main", "token", "LIVE_BYTES_PER_TOKEN"), ("other", "server", "LIVE_BYTES")],
)
async def test_a_query_beyond_the_limit_is_rejected_and_the_connection_stays(
    service: Service, owner: str, subject: str, setting: str
) -> None:
    async with opened(service) as server, open_peer(server.url) as peer:
        await peer.initialise()
        async with full(service, owner):
            await peer.subscribe("1", VIEWER)
            message = await peer.receive()
            assert message == {
                "id": "1",
                "type": "error",
                "payload": [
                    {
                        "message": FULL.format(subject, VIEWED, setting),
                        "extensions": {"code": "TOO_MUCH_MEMORY"},
                    }
                ],
            }
        await peer.subscribe("2", VIEWER)
        assert await peer.next("2") == {"email": "main@example.invalid"}


async def test_a_change_beyond_the_limit_is_carried_out_and_ends_the_connection(
    service: Service,
) -> None:
    async with opened(service) as server, open_peer(server.url) as peer:
        await peer.initialise()
        async with full(service):
            await peer.subscribe("1", ADD)
            code, reason = await peer.closed()
    # A close frame has room for so much.
    assert (code, reason) == (1013, FULL.format("token", 370, "LIVE_BYTES_PER_TOKEN")[:123])
    basket = await service.main.query("{ activeBasket { totalQuantity version } }")
    assert basket["activeBasket"] == {"totalQuantity": 1, "version": 1}


async def test_an_event_beyond_the_limit_ends_the_connection(service: Service) -> None:
    async with opened(service) as server, open_peer(server.url) as peer:
        await peer.initialise()
        await peer.subscribe("1", ACTIVE)
        assert await peer.next("1") is None
        async with full(service):
            await service.main.accepted("basketItemsAdd", items=[line(1, division="ERP01")])
            assert (await peer.closed())[0] == 1013


async def test_a_stream_beyond_the_limit_is_rejected_or_cut(service: Service) -> None:
    async with opened(service) as server, AsyncExitStack() as stack:
        url = f"http://127.0.0.1:{server.port}"
        first = await stack.enter_async_context(subscribe(url, ACTIVE))
        assert await first.next() is None
        async with full(service):
            second = await stack.enter_async_context(subscribe(url, ACTIVE))
            (error,) = second.response.json()["errors"]
            assert second.response.status_code == 429
            assert error["extensions"]["code"] == "TOO_MUCH_MEMORY"
            await service.main.accepted("basketItemsAdd", items=[line(1, division="ERP01")])
            with pytest.raises(httpx.RemoteProtocolError):
                await first.next()
        connections = service.application.state["live_connections"]
        await eventually(lambda: connections.count == 0, "The end of both")
