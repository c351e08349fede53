"""Handing hints on to the other processes through Redis.

A lost hint does no harm: every process also compares versions every few seconds. So nothing is
retried here, and nothing waits.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from redis.asyncio import Redis

from models.background import background_loop
from models.live.hub import Hub
from tasks.redis.connection import RedisServer

logger = logging.getLogger("basket")

FORMAT = 1
"""The number of the messages' format, a JSON list of user ids; it is in the channel's name."""
TIMEOUT_SECONDS = 2.0
"""Timeout of one command, in seconds."""
QUIET_SECONDS = 0.25
"""Seconds between two messages while nobody listens: then they cost nearly nothing."""
WAIT_SECONDS = 60.0
"""Seconds for which one step waits for something to do."""
PAUSE_SECONDS = 0.5
"""Seconds after a failure, before the next attempt."""


class Relay:
    """Publishes the hints of this process, and listens to those of others while it has watchers."""

    def __init__(self, server: RedisServer, hub: Hub) -> None:
        self.channel = f"{server.prefix}-live-{FORMAT}"
        self._hub = hub
        self._users = set[int]()
        self._has_users = asyncio.Event()
        self.is_listening = False
        """Whether hints of other processes arrive now."""

    def publish(self, user_id: int) -> None:
        """Has a hint published soon; several are one message."""
        self._users.add(user_id)
        self._has_users.set()

    async def publish_next(self, client: Redis) -> None:
        """Waits for hints, and publishes all that there are."""
        if not await _wait(self._has_users):
            return
        # Hints that come from here on are for the next message.
        self._has_users.clear()
        users, self._users = self._users, set()
        async with _pause_after_failure():
            message = orjson.dumps(list(users))
            receivers: int = await client.publish(self.channel, message)
        # Redis counts this process too. To nobody else there is no hurry, and one message does.
        if receivers <= self.is_listening:
            await asyncio.sleep(QUIET_SECONDS)

    async def listen(self, client: Redis) -> None:
        """Waits until something is watched here, and takes hints for as long as it is."""
        if not await _wait(self._hub.has_topics):
            return
        async with (
            _pause_after_failure(),
            client.pubsub(ignore_subscribe_messages=True) as channel,
        ):
            await channel.subscribe(self.channel)
            try:
                self.is_listening = True
                # Hints of the time before are lost, so that all versions are compared now.
                self._hub.make_due(list(self._hub.topics.values()))
                await self._take_messages(channel)
            finally:
                self.is_listening = False

    async def _take_messages(self, channel: Any) -> None:
        # The timeout lets the loop notice that nobody watches any more.
        while self._hub.has_topics.is_set():
            message = await channel.get_message(timeout=1.0)
            if message is not None:
                for user_id in orjson.loads(message["data"]):
                    self._hub.hint_here(user_id)


@asynccontextmanager
async def _pause_after_failure() -> AsyncIterator[None]:
    """Keeps a loop from turning as fast as Redis can refuse."""
    try:
        yield
    except Exception:
        await asyncio.sleep(PAUSE_SECONDS)
        raise


async def _wait(event: asyncio.Event) -> bool:
    """Waits for an event; False when it takes longer than a step may."""
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await event.wait()
    except TimeoutError:
        return False
    return True


@asynccontextmanager
async def open_relay(server: RedisServer, hub: Hub) -> AsyncIterator[Relay]:
    """Keeps a relay running; the hub hands its hints to it."""
    relay = Relay(server, hub)
    # A listener waits for messages without an end, so its connection is one of its own.
    async with (
        server.connect_async(TIMEOUT_SECONDS) as publisher,
        server.connect_async(TIMEOUT_SECONDS) as listener,
        background_loop("publishing hints", lambda: relay.publish_next(publisher), 0, None),
        background_loop("hints of others", lambda: relay.listen(listener), 0, None),
    ):
        hub.relay = relay.publish
        try:
            yield relay
        finally:
            hub.relay = None
