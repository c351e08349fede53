"""The hub: the topics that are watched in this process, and the checks for changes.

A hint says that something of a user may have changed; it may be lost, or come for nothing. The
states in the database are the truth: a check compares them with those that watchers know, of the
hinted topics at once and of all topics every few seconds.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from models.database.statements import is_sqlite, load_statements
from models.live.topic import Topic, TopicKey, TopicKind

_FIND_MOVED = load_statements(__file__)["find_moved"]

WAIT_SECONDS = 60.0
"""Seconds for which one step of the loop waits for a hint."""


class Hub:
    """The topics that are watched in this process.

    `relay` hands hints on to the other processes, and `listeners` are told of all hints.
    """

    def __init__(self, relay: Callable[[int], None] | None = None) -> None:
        self.topics: dict[TopicKey, Topic] = {}
        self.relay = relay
        self.listeners: list[Callable[[int], None]] = []
        self.has_topics = asyncio.Event()
        self._topics_of_users: dict[int, set[Topic]] = {}
        self._due: set[Topic] = set()
        self._is_due = asyncio.Event()
        # Two checks at a time could take an older state over a newer one.
        self._lock = asyncio.Lock()

    @contextmanager
    def watch(self, key: TopicKey) -> Iterator[tuple[Topic, asyncio.Event]]:
        """Watches a topic: the event is set whenever it has changed."""
        topic, changed = self._find_or_add(key), asyncio.Event()
        topic.watchers.add(changed)
        try:
            yield topic, changed
        finally:
            topic.watchers.discard(changed)
            if not topic.watchers:
                self._remove(topic)

    def hint(self, user_id: int) -> None:
        """Says here and to the other processes that something of a user has changed."""
        self.hint_here(user_id)
        if self.relay is not None:
            self.relay(user_id)

    def hint_here(self, user_id: int) -> None:
        """Tells the listeners, and makes the topics of a user due for a check in this process."""
        for listener in self.listeners:
            listener(user_id)
        if topics := self._topics_of_users.get(user_id):
            self.make_due(topics)

    def make_due(self, topics: Collection[Topic]) -> None:
        """Has topics checked as soon as possible."""
        self._due.update(topics)
        self._is_due.set()

    async def check_due(self) -> None:
        """Waits until topics are due and checks them, all in one statement."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._is_due.wait()
        except TimeoutError:
            return
        # Hints that come during the check are for the next one: it may have read before them.
        self._is_due.clear()
        due, self._due = self._due, set()
        await self.check(due)

    async def check_all(self) -> None:
        """Checks all topics."""
        await self.check(self.topics.values())

    async def check_exports(self) -> None:
        """Checks the exports, whose progress nobody hints at."""
        kind = TopicKind.EXPORT
        await self.check([topic for key, topic in self.topics.items() if key.kind is kind])

    async def check(self, topics: Collection[Topic]) -> None:
        """Compares topics with the database, and wakes the watchers of those that have moved."""
        if not topics:
            return
        async with self._lock:
            checked = list(topics)
            rows = await _FIND_MOVED.rows(**_parameters(checked))
            now = asyncio.get_running_loop().time()
            for row in rows:
                checked[row["position"] - 1].move(row["current"], now)

    def _find_or_add(self, key: TopicKey) -> Topic:
        topic = self.topics.get(key)
        if topic is None:
            topic = self.topics[key] = Topic(key)
            self._topics_of_users.setdefault(key.user_id, set()).add(topic)
            self.has_topics.set()
        return topic

    def _remove(self, topic: Topic) -> None:
        del self.topics[topic.key]
        of_user = self._topics_of_users[topic.key.user_id]
        of_user.discard(topic)
        if not of_user:
            del self._topics_of_users[topic.key.user_id]
        self._due.discard(topic)
        if not self.topics:
            self.has_topics.clear()


def _parameters(topics: Collection[Topic]) -> dict[str, Sequence[Any]]:
    """Returns the parameters of the check, in the form that the open database takes."""
    if is_sqlite():
        return {"topics": [(*topic.key, topic.state) for topic in topics]}
    kinds, users, numbers = zip(*(topic.key for topic in topics), strict=True)
    states = [topic.state for topic in topics]
    return {"kinds": kinds, "users": users, "numbers": numbers, "states": states}
