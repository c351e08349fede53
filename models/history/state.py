"""The quantities of a basket at an earlier version, found by undoing all later changes."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple

from models.basket.quantities import PartKey, QuantityChange, read_quantities
from models.history.lines import ChangeLine, UnknownFormat, lines_from_text, split_by_lines
from models.history.tables import BasketChange


class EarlierPart(NamedTuple):
    """The quantity of a product for a division then, 0 for none, and the item that held it."""

    item_id: int
    quantity: int


class Comparison(NamedTuple):
    """The quantities of a basket, and the changes that would make them those of another version.

    The changes are in the order that the items had in that version, and of an item those of the
    divisions that it has now come first.
    """

    present: Mapping[PartKey, int]
    changes: Sequence[QuantityChange]


class VersionUnknown(Exception):
    """Raised for a version of which the basket's history knows too little, or nothing.

    `oldest` is the oldest version that is known.
    """

    def __init__(self, oldest: int) -> None:
        self.oldest = oldest
        super().__init__(f"The oldest known version is {oldest}.")


async def compare_versions(basket_id: int, version: int, earlier: int) -> Comparison:
    """Compares a basket, which is at `version`, with an earlier version of itself.

    Unless the basket is locked, it may have moved on meanwhile: then the result means nothing.
    Raises VersionUnknown.
    """
    then = await read_earlier_parts(basket_id, version, earlier)
    present = await read_quantities(basket_id)
    positions = {key: position for position, key in enumerate(present)}
    changes = [
        QuantityChange(*key, present.get(key, 0), part.quantity)
        for key, part in then.items()
        if part.quantity != present.get(key, 0)
    ]
    # Equal positions keep the order of the change that removed them.
    changes.sort(
        key=lambda change: (
            then[change.key].item_id,
            positions.get(change.key, len(positions)),
        )
    )
    return Comparison(present, changes)


async def read_earlier_parts(
    basket_id: int, version: int, earlier: int
) -> Mapping[PartKey, EarlierPart]:
    """Returns the quantities at an earlier version of every product and division changed since.

    All others are as they are now, at `version`. Raises VersionUnknown for a version that is not
    between 1 and `version`, or whose later changes are not all stored in a format that is known.
    """
    parts: dict[PartKey, EarlierPart] = {}
    async for lines in _read_changes(basket_id, version, earlier):
        # Newest first, so that the oldest change has the last word.
        for line in lines:
            if line.division_id is not None:
                part = EarlierPart(line.item_id, line.quantity_before)
                parts[line.product_id, line.division_id] = part
        # Other buyers are answered between two long changes.
        await asyncio.sleep(0)
    return parts


async def _read_changes(
    basket_id: int, version: int, earlier: int
) -> AsyncIterator[Sequence[ChangeLine]]:
    """Yields the lines of all changes after a version, newest first."""
    changes = await _find_changes(basket_id, version, earlier)
    for versions in split_by_lines(changes):
        newest, oldest = versions[0], versions[-1]
        rows = BasketChange.filter(
            basket_id=basket_id, version__gte=oldest, version__lte=newest
        ).order_by("-version")
        expected = newest
        for changed_to, text in await rows.values_list("version", "lines"):
            if changed_to != expected:
                break
            expected -= 1
            yield _parse(changed_to, text)
        # The oldest changes may be deleted while they are read.
        if expected >= oldest:
            raise VersionUnknown(expected)


async def _find_changes(
    basket_id: int, version: int, earlier: int
) -> Sequence[tuple[int, int]]:
    """Returns the versions after an earlier one with their numbers of lines, newest first."""
    is_possible = 1 <= earlier <= version
    rows = BasketChange.filter(
        basket_id=basket_id,
        version__gt=earlier if is_possible else 1,
        version__lte=version,
    ).order_by("-version")
    changes = await rows.values_list("version", "line_count")
    oldest = version
    for changed_to, _ in changes:
        if changed_to != oldest:
            break
        oldest -= 1
    if not is_possible or oldest > earlier:
        raise VersionUnknown(oldest)
    return changes


def _parse(version: int, text: str | None) -> Sequence[ChangeLine]:
    try:
        return lines_from_text(text).lines
    except UnknownFormat:
        raise VersionUnknown(version) from None
