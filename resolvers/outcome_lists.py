"""The lists of a stored outcome: ids of items and changes of prices, which may be very many.

Short ones are stored with the idempotency key. Long ones the change has stored already, as lines of
its version; the history retains that version as long as the key, and a retry reads it again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import fields
from typing import Any, NamedTuple

import orjson

from models.basket.prices import ItemProduct, Repriced, find_item_products
from models.history.lines import UnknownFormat, removed_items
from models.history.retain import VersionKey, VersionLines, find_version_lines
from models.rejections import Rejection, RejectionCode

MAXIMUM_BYTES = 800
"""The most that the lists of an outcome take, so that all of it stays below 1 KB."""
PRICE_CHANGES, REMOVED, UNAVAILABLE = "price_changes", "removed", "unavailable"
IN_LINES = frozenset({PRICE_CHANGES, REMOVED})
"""The lists that are read again from a version's lines; availability is that of the products."""

_PRICE_COLUMNS = [field.name for field in fields(Repriced)]


class OutcomeLists(NamedTuple):
    """The ids of items, and the changes of prices, that a change has told."""

    price_changes: Sequence[Repriced] = ()
    removed: Sequence[int] = ()
    unavailable: Sequence[int] = ()


def shorten(lists: OutcomeLists) -> tuple[dict[str, Any], list[str]]:
    """Returns short lists as JSON has them, and the names of the others, which are left out.

    Ids are runs, and changed prices a list per column.
    """
    values = {
        PRICE_CHANGES: _columns(lists.price_changes),
        REMOVED: _runs(lists.removed),
        UNAVAILABLE: _runs(lists.unavailable),
    }
    sizes = {name: len(orjson.dumps(value)) for name, value in values.items() if value}
    left_out = []
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if sum(sizes.values()) <= MAXIMUM_BYTES:
            break
        del values[name], sizes[name]
        left_out.append(name)
    return values, left_out


async def recall_lists(values: Mapping[str, Any], *, has_basket: bool) -> OutcomeLists:
    """Returns the lists of an outcome, reading again those that were left out.

    Without the basket these are empty. Of changed prices, and of what is unavailable, items that
    have left the basket are left out. Raises INVALID_INPUT when the version cannot be read.
    """
    lists = OutcomeLists(
        _price_changes(values.get(PRICE_CHANGES, {})),
        list(_numbers(values.get(REMOVED, ()))),
        list(_numbers(values.get(UNAVAILABLE, ()))),
    )
    names = values.get("lists")
    return await _read_again(lists, values, set(names)) if names and has_basket else lists


async def _read_again(
    lists: OutcomeLists, values: Mapping[str, Any], names: Set[str]
) -> OutcomeLists:
    key = VersionKey(values["basket"], values["version"])
    held = await find_item_products(key.basket_id)
    if UNAVAILABLE in names:
        unavailable = [number for number, item in held.items() if not item.is_available]
        lists = lists._replace(unavailable=unavailable)
    if names.isdisjoint(IN_LINES):
        return lists
    told = await _find_lines(key)
    if PRICE_CHANGES in names:
        lists = lists._replace(price_changes=_repriced(told, held))
    if REMOVED in names:
        lists = lists._replace(removed=removed_items(told.changes.lines))
    return lists


async def _find_lines(key: VersionKey) -> VersionLines:
    try:
        found = await find_version_lines(key)
    except UnknownFormat:
        raise unreadable("in the history, in the format of another release") from None
    if found is None:
        raise unreadable("in the history, which has been deleted")
    return found


def _repriced(told: VersionLines, held: Mapping[int, ItemProduct]) -> list[Repriced]:
    return [
        Repriced(
            item_id=line.item_id,
            remote_id=held[line.item_id].remote_id,
            sku=held[line.item_id].sku,
            old_price=line.price_before or 0,
            old_currency=told.changes.currency_before or "",
            new_price=line.price_after or 0,
            new_currency=told.currency or "",
        )
        for line in told.changes.lines
        if line.item_id in held
    ]


def unreadable(reason: str) -> Rejection:
    """Returns the rejection of a retry whose first outcome cannot be read."""
    return Rejection(
        RejectionCode.INVALID_INPUT,
        f"The first outcome for this key is stored {reason}. Nothing more was changed; "
        "read the basket, or ask again later.",
        "idempotencyKey",
    )


def _runs(numbers: Iterable[int]) -> list[int | list[int]]:
    """Returns numbers in their order, each run of consecutive ones as its first and its last."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return [first if first == last else [first, last] for first, last in runs]


def _numbers(runs: Iterable[int | list[int]]) -> Iterator[int]:
    for run in runs:
        first, last = (run, run) if isinstance(run, int) else run
        yield from range(first, last + 1)


def _columns(changes: Sequence[Repriced]) -> dict[str, list[Any]]:
    if not changes:
        return {}
    return {name: [getattr(each, name) for each in changes] for name in _PRICE_COLUMNS}


def _price_changes(columns: Mapping[str, list[Any]]) -> list[Repriced]:
    rows = zip(*(columns.get(name, ()) for name in _PRICE_COLUMNS), strict=True)
    return [Repriced(*row) for row in rows]
