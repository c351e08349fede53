"""The pause that Commerce asks for, read from its Retry-After header."""

import re
import time
from email.utils import mktime_tz, parsedate_tz

MAXIMUM_PAUSE = 2.0
"""The longest pause between two attempts, in seconds."""

_SECONDS = re.compile(r"[0-9]+")


def parse_pause(header: str | None) -> float | None:
    """Returns the seconds to wait, at most MAXIMUM_PAUSE; None when the header says nothing."""
    text = (header or "").strip()
    seconds = float(text) if _SECONDS.fullmatch(text) else _seconds_until(text)
    return None if seconds is None else min(max(seconds, 0.0), MAXIMUM_PAUSE)


def _seconds_until(date: str) -> float | None:
    try:
        parsed = parsedate_tz(date)
        return None if parsed is None else mktime_tz(parsed) - time.time()
    except (ValueError, OverflowError):
        return None
