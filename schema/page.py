"""Pages of lists, forwards and backwards: the requested part, cursors, and their position."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Generic, NamedTuple, TypeVar

import strawberry
from strawberry import UNSET

from models.database.integers import LARGEST_BIGINT
from models.timestamps import format_timestamp
from schema.scalars import described

DEFAULT_PAGE = 20
"""How many entries a page has when no number is requested."""
DEFAULT_ITEM_PAGE = 50
"""The same for a page of items."""
DEFAULT_LINE_PAGE = 100
"""The same for a page of the lines of a change."""
MAXIMUM_PAGE = 100
"""The highest number of entries in one page."""
LATEST = datetime(9999, 12, 31, tzinfo=UTC)
"""Later than everything written: where the first page of a newest-first list begins."""
EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
"""Earlier than everything written: where the last page of a newest-first list ends."""

First = Annotated[
    int | None,
    strawberry.argument(
        description="How many entries from the beginning, or `after`; 1 to 100."
    ),
]
After = Annotated[str | None, strawberry.argument(description="The cursor to begin after.")]
Last = Annotated[
    int | None,
    strawberry.argument(
        description="How many entries up to the end, or `before`; 1 to 100."
    ),
]
Before = Annotated[str | None, strawberry.argument(description="The cursor to end before.")]


class InvalidPage(ValueError):
    """Raised for unusable arguments of a page; the message names the value and the limit."""


@strawberry.type(
    description="Where a page stands in its list. Pages are requested by `first` with `after`, "
    "or by `last` with `before`; both together are INVALID_INPUT. With neither `first` nor "
    "`last` a page has 20 entries, 50 items, or 100 lines."
)
class PageInfo:
    has_next_page: bool = described("Whether there are entries after this page.")
    has_previous_page: bool = described("Whether there are entries before this page.")
    start_cursor: str | None = described(
        "The cursor of the first entry, to be sent as `before`; null when the page is empty."
    )
    end_cursor: str | None = described(
        "The cursor of the last entry, to be sent as `after`; null when the page is empty."
    )

    @classmethod
    def of(cls, cursors: list[str], *, has_next: bool, has_previous: bool) -> "PageInfo":
        """Makes the page info from the cursors of the page's entries."""
        start, end = (cursors[0], cursors[-1]) if cursors else (None, None)
        return cls(
            has_next_page=has_next,
            has_previous_page=has_previous,
            start_cursor=start,
            end_cursor=end,
        )

    @classmethod
    def at(
        cls, request: "PageRequest", cursors: list[str], *, has_more: bool, has_beyond: bool
    ) -> "PageInfo":
        """Makes it from the presence of entries after the page and before its cursor."""
        if request.is_backward:
            return cls.of(cursors, has_next=has_beyond, has_previous=has_more)
        return cls.of(cursors, has_next=has_more, has_previous=has_beyond)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many entries are requested, from which side, and the cursor that bounds them there."""

    size: int
    is_backward: bool
    cursor: str | None


class PageArguments(NamedTuple):
    """The arguments of a page as they were given; null and left out are the same."""

    first: int | None = UNSET
    after: str | None = UNSET
    last: int | None = UNSET
    before: str | None = UNSET

    def request(self, default: int = DEFAULT_PAGE) -> PageRequest:
        """Returns the requested part; raises InvalidPage for two directions or a wrong size."""
        given = {
            name: value
            for name, value in self._asdict().items()
            if value not in (None, UNSET)
        }
        forward, backward = (
            given.keys() & {"first", "after"},
            given.keys() & {"last", "before"},
        )
        if forward and backward:
            names = f"{' and '.join(sorted(forward))} with {' and '.join(sorted(backward))}"
            raise InvalidPage(
                f"The page is requested by {names}; send first and after, or last and before."
            )
        name, bound = ("last", "before") if backward else ("first", "after")
        size = given.get(name, default)
        if not 1 <= size <= MAXIMUM_PAGE:
            raise InvalidPage(f"{name} is {size}; it must be between 1 and {MAXIMUM_PAGE}.")
        return PageRequest(size, bool(backward), given.get(bound))


Connection = TypeVar("Connection")


class PreparedPages(Generic[Connection]):
    """The pages of one list that are read before the field is resolved that answers them.

    So that field needs no statement, and one statement can read the pages of many lists.
    """

    def __init__(self) -> None:
        self._pages: dict[PageRequest, Connection | Exception] = {}

    def put(self, request: PageRequest, page: Connection | Exception) -> None:
        """Notes a page, or the error that its field is to be answered with."""
        self._pages[request] = page

    def take(self, request: PageRequest) -> Connection:
        """Returns a page; raises the error noted in its place."""
        page = self._pages[request]
        if isinstance(page, Exception):
            raise page
        return page


class Cursors:
    """Writes and reads the cursors of one list; a cursor of any other list is rejected.

    `scope` tells the lists apart, by texts without spaces: its name and whose it is.
    """

    def __init__(self, *scope: object) -> None:
        self._scope = [str(part) for part in scope]
        self._prefix = "".join(f"{part} " for part in self._scope)

    def write(self, *position: object) -> str:
        """Returns the cursor of an entry, opaque text made of the parts of its position."""
        text = self._prefix + " ".join(map(str, position))
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def number(self, request: PageRequest) -> int | None:
        """Reads a cursor of a list in the order of ids; raises InvalidPage for another list's."""
        if request.cursor is None:
            return None
        try:
            (number,) = self._position(request.cursor)
            return _whole_number(number)
        except (ValueError, UnicodeError):
            raise _foreign(request) from None

    def moment(self, request: PageRequest) -> tuple[datetime, int]:
        """Reads a cursor of a newest-first list, or returns the end from which the page begins.

        Raises InvalidPage when it is not one of the list's own.
        """
        if request.cursor is None:
            return (EARLIEST, 0) if request.is_backward else (LATEST, LARGEST_BIGINT)
        try:
            text, number = self._position(request.cursor)
            moment = datetime.fromisoformat(text).astimezone(UTC)
            # Only in the one form that we write, so that a position has one cursor.
            if format_timestamp(moment) != text:
                raise ValueError(text)
            return moment, _whole_number(number)
        # A timestamp at the edge of the calendar overflows when it is converted to UTC.
        except (ValueError, UnicodeError, OverflowError):
            raise _foreign(request) from None

    def _position(self, cursor: str) -> list[str]:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = urlsafe_b64decode(padded.encode()).decode().split(" ")
        scope, position = parts[: len(self._scope)], parts[len(self._scope) :]
        # Base64 can be written in several ways; only the one that we write is ours.
        if scope != self._scope or self.write(*position) != cursor:
            raise ValueError(cursor)
        return position


def _whole_number(text: str) -> int:
    is_plain = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_BIGINT))
    number = int(text) if is_plain else 0
    if not 1 <= number <= LARGEST_BIGINT or str(number) != text:
        raise ValueError(text)
    return number


def _foreign(request: PageRequest) -> InvalidPage:
    name = "before" if request.is_backward else "after"
    return InvalidPage(
        f"{name} is {(request.cursor or '')[:100]!r}, which is not a cursor of this list."
    )


class Part(NamedTuple):
    """A page of a list that is in memory: its bounds, and whether there is more on each side."""

    begin: int
    end: int
    has_previous: bool
    has_next: bool


def part_of(numbers: Sequence[int], request: PageRequest, bound: int | None) -> Part:
    """Returns the requested page of entries in the order of their numbers."""
    if request.is_backward:
        end = len(numbers) if bound is None else bisect_left(numbers, bound)
        begin = max(0, end - request.size)
    else:
        begin = 0 if bound is None else bisect_right(numbers, bound)
        end = min(len(numbers), begin + request.size)
    return Part(begin, end, begin > 0, end < len(numbers))


Entry = TypeVar("Entry")


def cut(entries: Sequence[Entry], request: PageRequest) -> tuple[Sequence[Entry], bool]:
    """Cuts the entries read, one more than requested, to the page; tells if there were more."""
    has_more = len(entries) > request.size
    page = entries[-request.size :] if request.is_backward else entries[: request.size]
    return page, has_more
