"""Pages of lists: cursors and what a page says of itself."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime

import strawberry

from models.statement import Moment
from schema.scalars import described

MAXIMUM_PAGE = 100
"""The highest number of entries in one page."""
LATEST = datetime(9999, 12, 31, tzinfo=UTC)
"""Later than everything written: where the first page of a newest-first list begins."""
LARGEST_ID = 2**63 - 1


class InvalidPage(ValueError):
    """Raised when `first` or `after` cannot be used; the message names the value and the limit."""


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = described("Whether there are entries after this page.")
    has_previous_page: bool = described("Whether there are entries before this page.")
    start_cursor: str | None = described("The cursor of the first entry; null when the page is empty.")
    end_cursor: str | None = described(
        "The cursor of the last entry, to be sent as `after`; null when the page is empty."
    )

    @classmethod
    def of(cls, cursors: list[str], *, has_next: bool, has_previous: bool) -> "PageInfo":
        """Makes the page info from the cursors of the page's entries."""
        start, end = (cursors[0], cursors[-1]) if cursors else (None, None)
        return cls(has_next_page=has_next, has_previous_page=has_previous, start_cursor=start, end_cursor=end)


def page_size(first: int | None, default: int, maximum: int = MAXIMUM_PAGE) -> int:
    """Returns how many entries to read; raises InvalidPage when `first` is out of range."""
    if first is None:
        return default
    if not 1 <= first <= maximum:
        raise InvalidPage(f"first is {first}; it must be between 1 and {maximum}.")
    return first


def cursor_of(*parts: object) -> str:
    """Makes an opaque cursor of parts whose texts have no spaces."""
    return urlsafe_b64encode(" ".join(str(part) for part in parts).encode()).decode().rstrip("=")


def cursor_at(moment: Moment, identifier: str) -> str:
    """Makes the cursor of an entry of a newest-first list."""
    return cursor_of(moment, identifier)


def _parts_of(cursor: str) -> list[str]:
    padded = cursor + "=" * (-len(cursor) % 4)
    return urlsafe_b64decode(padded.encode()).decode().split(" ")


def place_of(cursor: str | None) -> tuple[datetime, int]:
    """Reads a cursor of a newest-first list, moment and id; raises InvalidPage when it is not one of ours."""
    if cursor is None:
        return LATEST, LARGEST_ID
    try:
        moment, identifier = _parts_of(cursor)
        return datetime.fromisoformat(moment).astimezone(UTC), min(int(identifier), LARGEST_ID)
    except (ValueError, UnicodeError, OverflowError):
        raise InvalidPage(f"after is {cursor[:100]!r}, which is not a cursor of this list.") from None


def identifier_of(cursor: str) -> int:
    """Reads a cursor that is an id; raises InvalidPage when it is not one of ours."""
    try:
        (identifier,) = _parts_of(cursor)
        return int(identifier)
    except (ValueError, UnicodeError):
        raise InvalidPage(f"after is {cursor[:100]!r}, which is not a cursor of this list.") from None
