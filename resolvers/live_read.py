"""One reading for a subscription: the topic that is watched, and the state that was read."""

from collections.abc import Callable

from models.live.topic import TopicKey, write_state


class LiveRead:
    """What the resolver of a subscription is told, and tells.

    A subscription is a query that is answered again after every change of its topic. Each answer
    is one reading; `since` is the version that the last event told, None in the first.
    """

    __slots__ = ("_follow", "is_over", "since", "state", "version")

    def __init__(self, since: int | None, follow: Callable[[TopicKey], bool]) -> None:
        self.since = since
        self.state: str | None = None
        self.version: int | None = None
        self.is_over = False
        self._follow = follow

    def follow(self, key: TopicKey) -> bool:
        """Names the topic; called before the reading, so that no change falls between.

        Tells whether it was not watched before, so that earlier readings may be out of date.
        """
        return self._follow(key)

    def note_basket(self, basket_id: int, version: int) -> None:
        """Notes the basket that was read; a reading without a basket has no state."""
        self.state, self.version = write_state(basket_id, version), version

    def note_export(self, status: str, rows_written: int, *, is_over: bool) -> None:
        """Notes the export that was read; `is_over` when it will not change any more."""
        self.state, self.is_over = write_state(status, rows_written), is_over

    def end(self) -> None:
        """Says that the basket or export is gone: there is no event, and none will follow."""
        self.state, self.is_over = None, True
