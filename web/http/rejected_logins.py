"""Rejections of identity providers' tokens: counted all, and logged some in a minute."""

import logging
from collections.abc import Callable
from time import monotonic

from prometheus_client import Counter

logger = logging.getLogger("basket")

LINES_PER_MINUTE = 60
"""Anybody may send tokens without end, and must not fill the log."""

REJECTIONS = Counter(
    "basket_identity_rejections", "Rejected tokens and accounts of identity providers."
)


class RejectedLogins:
    """Logs the reasons of a minute's first rejections, and how many others there were."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._minute_ends_at = clock()
        self._lines = 0
        self._left_out = 0

    def note(self, text: str, *values: object) -> None:
        """Counts a rejection, and logs it unless this minute has enough lines."""
        REJECTIONS.inc()
        now = self._clock()
        if now >= self._minute_ends_at:
            self._begin_minute(now)
        if self._lines < LINES_PER_MINUTE:
            self._lines += 1
            logger.info(text, *values)
        else:
            self._left_out += 1

    def _begin_minute(self, now: float) -> None:
        if self._left_out:
            text = "%d more tokens of identity providers were rejected meanwhile."
            logger.info(text, self._left_out)
        self._minute_ends_at, self._lines, self._left_out = now + 60, 0, 0
