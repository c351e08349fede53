"""The background of subscriptions: the checks of topics, and of those who watch them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from models.background import background_loop
from models.live.hub import Hub
from tasks.live.relay import Relay, open_relay
from tasks.redis.connection import RedisServer
from web.live.guard import CHECK_SECONDS, SessionGuard

POLL_SECONDS = 1.0
"""Seconds between two comparisons of all versions where no hints of other processes arrive."""
RELAYED_POLLS = 3
"""Of so many comparisons only one is needed where they do."""


class Polls:
    """Compares topics with the database, as often as hints may be missing."""

    def __init__(self, hub: Hub, relay: Relay | None) -> None:
        self._hub = hub
        self._relay = relay
        self._skipped = 0

    async def poll(self) -> None:
        """Compares everything, or only the exports, whose progress comes without hints."""
        is_relayed = self._relay is not None and self._relay.is_listening
        if is_relayed and self._skipped + 1 < RELAYED_POLLS:
            self._skipped += 1
            # The worker notes progress once a second, and hints at nothing.
            await self._hub.check_exports()
        else:
            self._skipped = 0
            await self._hub.check_all()


@asynccontextmanager
async def open_hub(redis: RedisServer | None, guard: SessionGuard) -> AsyncIterator[Hub]:
    """Keeps the hub of a process running."""
    hub = Hub()
    async with AsyncExitStack() as resources:
        enter = resources.enter_async_context
        relay = await enter(open_relay(redis, hub)) if redis else None
        polls = Polls(hub, relay)
        await enter(background_loop("hinted versions", hub.check_due, 0, None))
        await enter(background_loop("all versions", polls.poll, POLL_SECONDS))
        await enter(background_loop("subscribers", guard.check, CHECK_SECONDS))
        yield hub
