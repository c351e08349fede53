"""Ranges of bytes (RFC 9110, section 14)."""

import re

from starlette.requests import Request

# Longer numbers are ignored: beyond 4,300 digits int() raises ValueError, which means 416 here.
# Possessive: what follows each part differs from it, and trying again would take quadratic time.
_ONE_RANGE = re.compile(r"bytes *+= *+([0-9]{0,30}+) *+- *+([0-9]{0,30}+)", re.IGNORECASE)


def requested_range(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    """Returns the requested range, as first byte and end; None for the whole file.

    Only GET has ranges, and with `If-Range` only while its ETag is the file's. Raises ValueError
    when the file has no byte within the range.
    """
    if request.method != "GET" or request.headers.get("if-range", etag) != etag:
        return None
    # Joined, a repeated header counts as several ranges, which are ignored.
    return parse_range(", ".join(request.headers.getlist("range")), size)


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Returns the range in a Range header; None to ignore it, ValueError when no byte is within.

    Other units than bytes, malformed ranges, and several ranges are ignored.
    """
    match = _ONE_RANGE.fullmatch(header)
    if match is None or not (match[1] or match[2]):
        return None
    first, last = match[1], match[2]
    # "-500" is the last 500 bytes, "500-" all after the first 500.
    if not first:
        start, end = max(0, size - int(last)), size
    elif not last:
        start, end = int(first), size
    elif int(last) < int(first):
        return None
    else:
        start, end = int(first), min(size, int(last) + 1)
    if start >= end:
        raise ValueError(f"Nothing of {size} bytes is within {header}.")
    return start, end
