"""How long Commerce asks to wait, read from its Retry-After header."""

import re
import time
from email.utils import mktime_tz, parsedate_tz

MAXIMUM_PAUSE = 2.0

_SECONDS = re.compile(r"[0-9]+")


def requested_pause(header: str | None) -> float | None:
    """Return the seconds to wait, at most the maximum, or None if the header is absent or means nothing."""
    text = (header or "").strip()
    seconds = float(text) if _SECONDS.fullmatch(text) else _seconds_until(text)
    return None if seconds is None else min(max(seconds, 0.0), MAXIMUM_PAUSE)


def _seconds_until(date: str) -> float | None:
    try:
        parsed = parsedate_tz(date)
        return None if parsed is None else mktime_tz(parsed) - time.time()
    except (ValueError, OverflowError):
        return None
