"""Several servers on one database tell each other: by Redis at once, and without it by comparing versions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from redis.asyncio import Redis

from models.live.hub import Hub
from tasks.live.relay import QUIET_SECONDS, Relay
from tasks.redis.address import parse_redis_address
from tasks.redis.connection import RedisServer
from tests.support.lines import line
from tests.support.service import Caller, Service, serve, serve_beside
from tests.support.shop import Shop
from tests.support.waiting import eventually
from tests.support.watching import ACTIVE, watch


@asynccontextmanager
async def serve_two(
    database_url: str, shop: Shop, redis_url: str, folder: Path
) -> AsyncIterator[tuple[Service, Caller]]:
    """Runs two applications and yields the first, and a caller at the second."""
    async with (
        serve(database_url, shop, str(folder), redis_url=redis_url) as service,
        serve_beside(service, database_url, redis_url=redis_url) as beside,
    ):
        yield service, Caller(beside, "main")


async def add(caller: Caller) -> None:
    """Adds a product to the active basket."""
    await caller.accepted("basketItemsAdd", items=[line(1)])


def stop_polling(service: Service) -> None:
    """Leaves an application nothing but hints to notice changes by."""

    async def check_nothing() -> None:
        pass

    service.application.state["hub"].check_all = check_nothing


@pytest.mark.long
async def test_a_change_on_another_server_is_told_without_redis(
    database_url: str, shop: Shop, tmp_path: Path
) -> None:
    async with serve_two(database_url, shop, "", tmp_path) as (service, caller):
        async with watch(service.application, ACTIVE) as watching:
            assert await watching.next() is None
            for version in range(1, 4):
                await add(caller)
                assert (await watching.next())["version"] == version


async def test_hints_alone_tell_a_change_on_another_server(
    database_url: str, shop: Shop, redis_url: str, tmp_path: Path
) -> None:
    async with serve_two(database_url, shop, redis_url, tmp_path) as (service, caller):
        stop_polling(service)
        async with watch(service.application, ACTIVE) as watching:
            assert await watching.next() is None
            await _wait_for_listeners(service, redis_url, 1)
            for version in range(1, 4):
                await add(caller)
                assert (await watching.next())["version"] == version


async def _wait_for_listeners(service: Service, redis_url: str, count: int) -> None:
    """Waits until so many listen to the hints of an installation."""
    channel = service.application.state["hub"].relay.__self__.channel
    async with Redis.from_url(redis_url) as client:

        async def is_so() -> bool:
            ((_, listeners),) = await client.pubsub_numsub(channel)
            return bool(listeners == count)

        await eventually(is_so, f"{count} listeners")


async def test_a_server_listens_only_while_something_is_watched(
    sqlite_url: str, shop: Shop, redis_url: str, tmp_path: Path
) -> None:
    async with serve(sqlite_url, shop, str(tmp_path), redis_url=redis_url) as service:
        await _wait_for_listeners(service, redis_url, 0)
        async with watch(service.application, ACTIVE) as watching:
            await watching.next()
            await _wait_for_listeners(service, redis_url, 1)
        await _wait_for_listeners(service, redis_url, 0)


class _Counted:
    """A client of Redis that only counts, and has a number of listeners."""

    def __init__(self, listeners: int) -> None:
        self.listeners = listeners
        self.messages: list[list[int]] = []

    async def publish(self, channel: str, message: bytes) -> int:
        assert channel == "shop-live-1"
        self.messages.append(sorted(orjson.loads(message)))
        return self.listeners


async def test_while_nobody_listens_the_hints_of_a_quarter_second_are_one_message() -> None:
    relay, client = _relay(), _Counted(listeners=0)
    relay.publish(1)
    first = asyncio.create_task(relay.publish_next(client))  # type: ignore[arg-type]
    await eventually(lambda: client.messages == [[1]], "the first message")
    assert not first.done()
    for user_id in (2, 3, 2):
        relay.publish(user_id)
    await first
    await relay.publish_next(client)  # type: ignore[arg-type]
    assert client.messages == [[1], [2, 3]]
    assert QUIET_SECONDS == 0.25


async def test_to_listeners_a_hint_goes_at_once() -> None:
    relay, client = _relay(), _Counted(listeners=1)
    for user_id in (1, 2):
        relay.publish(user_id)
        await relay.publish_next(client)  # type: ignore[arg-type]
    assert client.messages == [[1], [2]]


def _relay() -> Relay:
    return Relay(RedisServer(parse_redis_address("redis://127.0.0.1/0"), "shop"), Hub())
