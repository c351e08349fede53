"""Operations of WebSockets and streams: their lines in the access log, counts and durations."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from tests.support.events import subscribe
from tests.support.exports import fill
from tests.support.service import Service, serve
from tests.support.shop import Shop
from tests.support.transport_ws import open_peer
from tests.support.waiting import eventually
from tests.support.websockets import listen

ACTIVE = "subscription Mine { activeBasket { id version } }"
VIEWER = "query Secret { viewer { email } }"
ADD = (
    'mutation { basketItemsAdd(input: {items: [{sku: "NONE", divisionErpCode: "ERP01"}]}) '
    "{ userErrors { code } } }"
)


@pytest.fixture
async def logged(sqlite_url: str, shop: Shop) -> AsyncIterator[Service]:
    """A service with an access log, and a filled basket."""
    async with serve(sqlite_url, shop, access_log=True) as service:
        await fill(service.main)
        yield service


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[Any, ...]]:
    """Returns method, route, operation, outcome and status of each line."""
    names = ("method", "route", "operation", "outcome", "status")
    found = [record for record in caplog.records if record.name == "basket.access"]
    fields = [vars(record)["fields"] for record in found]
    assert all(each["milliseconds"] >= 0 for each in fields)
    return [tuple(each[name] for name in names) for each in fields]


def counted(name: str, **labels: str) -> float:
    """Returns a metric of this process."""
    return REGISTRY.get_sample_value(name, labels) or 0


async def test_every_operation_of_a_websocket_has_a_line_and_a_count(
    logged: Service, caplog: pytest.LogCaptureFixture
) -> None:
    kinds = [
        ("query viewer", "ok"),
        ("mutation basketItemsAdd", "rejected"),
        ("/graphql", "error"),
    ]
    before = [
        counted("basket_requests_total", operation=kind, outcome=outcome)
        for kind, outcome in kinds
    ]
    async with listen(logged) as server:
        caplog.set_level(logging.INFO, "basket.access")
        caplog.clear()
        async with open_peer(server.url) as peer:
            await peer.initialise(token="main")
            await peer.subscribe("1", ACTIVE)
            await peer.next("1")
            await peer.subscribe("2", VIEWER)
            await peer.next("2")
            await peer.receive()
            await peer.subscribe("3", ADD)
            await peer.next("3")
            await peer.receive()
            await peer.subscribe("4", "{ nothing }")
            assert (await peer.receive())["type"] == "error"
            await peer.send(type="complete", id="1")
            await eventually(lambda: len(lines(caplog)) == 4, "four lines")
        await eventually(lambda: len(lines(caplog)) == 5, "the last line")
    assert lines(caplog) == [
        ("WEBSOCKET", "/graphql", "query viewer", "ok", 101),
        ("WEBSOCKET", "/graphql", "mutation basketItemsAdd", "rejected", 101),
        ("WEBSOCKET", "/graphql", "", "error", 101),
        ("WEBSOCKET", "/graphql", "subscription activeBasket", "ok", 101),
        ("WEBSOCKET", "/graphql", "", "ok", 101),
    ]
    after = [
        counted("basket_requests_total", operation=kind, outcome=outcome)
        for kind, outcome in kinds
    ]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 1]


async def test_a_stream_over_http_is_counted_and_has_no_duration(
    logged: Service, caplog: pytest.LogCaptureFixture
) -> None:
    label = {"operation": "subscription activeBasket"}
    count = counted("basket_requests_total", outcome="ok", **label)
    async with listen(logged) as server:
        caplog.set_level(logging.INFO, "basket.access")
        caplog.clear()
        address = f"http://127.0.0.1:{server.port}"
        async with subscribe(address, ACTIVE, "main") as stream:
            await stream.next()
            assert lines(caplog) == []
        await eventually(lambda: len(lines(caplog)) == 1, "the line")
    (line,) = lines(caplog)
    assert line == ("POST", "/graphql", "subscription activeBasket", "ok", 200)
    assert counted("basket_requests_total", outcome="ok", **label) - count == 1
    assert counted("basket_request_seconds_count", **label) == 0


async def test_without_the_setting_there_are_no_lines(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "basket.access")
    async with listen(service) as server, open_peer(server.url) as peer:
        await peer.initialise(token="main")
        await peer.subscribe("1", VIEWER)
        await peer.next("1")
    assert lines(caplog) == []
