"""Topics, which subscriptions watch, and the texts that tell their states apart."""

import asyncio
from collections.abc import Hashable
from enum import StrEnum
from typing import Any, NamedTuple

UNKNOWN = "unknown"
"""The state of a topic that the next check reports as changed in any case."""


class TopicKind(StrEnum):
    """The kinds of topics; the value is the word in the statement of checks."""

    ACTIVE = "active"
    BASKET = "basket"
    EXPORT = "export"


class TopicKey(NamedTuple):
    """A topic of a user: `number` is a segment, or the id of a basket or an export."""

    kind: TopicKind
    user_id: int
    number: int


def write_state(first: object, second: object) -> str:
    """Returns a state as the statement of checks writes it.

    It is the id and the version of a basket, or the status and the written rows of an export.
    """
    return f"{first}:{second}"


class Topic:
    """One topic in this process: its watchers, and the answers that they share.

    `state` is the one that the last check found, None where there is no such basket or export.
    """

    __slots__ = ("answers", "key", "moved_at", "state", "watchers")

    def __init__(self, key: TopicKey) -> None:
        self.key = key
        self.state: str | None = UNKNOWN
        self.watchers = set[asyncio.Event]()
        self.answers: dict[Hashable, Any] = {}
        self.moved_at = 0.0
        """When the last change was noticed, in seconds of the event loop."""

    def move(self, state: str | None, moved_at: float) -> None:
        """Takes a new state over, and wakes the watchers."""
        self.state = state
        self.moved_at = moved_at
        self.answers.clear()
        for watcher in self.watchers:
            watcher.set()

    def note_first(self, state: str | None) -> None:
        """Notes the state that a new watcher has read first.

        Where others watch that may have seen another state, the next check wakes all of them.
        """
        # Alone, a watcher has seen the newest state that anybody here was told.
        is_alone = len(self.watchers) == 1
        if is_alone or state == self.state:
            self.state = state
        else:
            self.state = UNKNOWN
