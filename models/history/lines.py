"""The lines of a change as they are stored: one JSON object with a format number and columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

FORMAT = 1
"""The format that is written here and by the functions of PostgreSQL, and the only one read."""


class ChangeLine(NamedTuple):
    """An item and a division before and after a change; prices are in hundredths.

    Without a division the line is of a unit price, and its quantities are those of the whole item.
    A price is null where the basket did not hold the item.
    """

    item_id: int
    product_id: int
    division_id: int | None
    quantity_before: int
    quantity_after: int
    price_before: int | None
    price_after: int | None

    @property
    def amount_before(self) -> int:
        """The quantity before at the price before, in hundredths."""
        return self.quantity_before * (self.price_before or 0)

    @property
    def amount_after(self) -> int:
        """The quantity after at the price after, in hundredths."""
        return self.quantity_after * (self.price_after or 0)


class ChangeLines(NamedTuple):
    """The lines of a change in the order of its input, and the currency of the prices before it.

    The currency of the prices after it is that of the change's row.
    """

    lines: Sequence[ChangeLine]
    currency_before: str | None


class UnknownFormat(Exception):
    """Raised for lines in a format of another release; they stay stored."""


LINES_AT_ONCE = 20_000
"""Lines that one statement reads, unless a single change has more."""

_COLUMNS = (
    "items",
    "products",
    "divisions",
    "quantities_before",
    "quantities_after",
    "prices_before",
    "prices_after",
)


def removed_items(lines: Sequence[ChangeLine]) -> list[int]:
    """Returns the ids of the items that a change took out of the basket, in its order."""
    gone = [line.item_id for line in lines if line.price_after is None]
    return list(dict.fromkeys(gone))


def split_by_lines(counts: Iterable[tuple[int, int]]) -> Iterator[Sequence[int]]:
    """Yields changes that together have about LINES_AT_ONCE lines, in their order.

    `counts` has a number of each change, such as its id, with the count of its lines.
    """
    part: list[int] = []
    total = 0
    for number, count in counts:
        if part and total + count > LINES_AT_ONCE:
            yield part
            part, total = [], 0
        part.append(number)
        total += count
    if part:
        yield part


def lines_to_text(lines: Sequence[ChangeLine], currency_before: str | None) -> str | None:
    """Returns lines as JSON, a list per column; None when there are none."""
    if not lines:
        return None
    columns = dict(zip(_COLUMNS, zip(*lines, strict=True), strict=True))
    return orjson.dumps(
        {"format": FORMAT, "currency_before": currency_before, **columns}
    ).decode()


def lines_from_text(text: str | None) -> ChangeLines:
    """Reads stored lines; raises UnknownFormat."""
    return lines_from_json(None if text is None else orjson.loads(text))


def lines_from_json(values: Any) -> ChangeLines:
    """Reads stored lines that are parsed already; raises UnknownFormat."""
    if values is None:
        return ChangeLines((), None)
    check_format(values)
    columns = [values[name] for name in _COLUMNS]
    lines = [ChangeLine(*line) for line in zip(*columns, strict=True)]
    return ChangeLines(lines, values["currency_before"])


def check_format(values: Mapping[str, Any]) -> None:
    """Raises UnknownFormat for lines, parsed already, that are not in the format read here."""
    if values.get("format") != FORMAT:
        raise UnknownFormat(
            f"The lines of a change are stored in format {values.get('format')}, "
            f"and this server reads format {FORMAT}."
        )
