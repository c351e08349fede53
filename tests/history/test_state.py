"""The quantities of earlier versions, from rows of history that the tests write themselves."""

from collections.abc import AsyncIterator, Sequence
from itertools import product
from random import Random

import pytest

from models.basket.tables import Basket
from models.database.connection import connect, disconnect
from models.history import lines as lines_module
from models.history.lines import ChangeLine, lines_to_text
from models.history.state import EarlierPart, VersionUnknown, read_earlier_parts
from models.history.tables import BasketChange, ChangeKind, ChangeOrigin
from models.timestamps import now
from tests.support.service import write_people

Quantities = dict[tuple[int, int], int]


@pytest.fixture
async def basket(database_url: str) -> AsyncIterator[Basket]:
    """A basket without items or history."""
    await connect(database_url)
    try:
        await write_people()
        yield await Basket.create(user_id=1, created_at=now(), updated_at=now())
    finally:
        await disconnect()


async def write(basket: Basket, version: int, lines: Sequence[ChangeLine]) -> None:
    """Writes the row of a version."""
    await BasketChange.create(
        basket_id=basket.id,
        version=version,
        kind=ChangeKind.ITEMS_SET,
        origin=ChangeOrigin.GRAPHQL,
        created_at=now(),
        total_amount=0,
        total_quantity=0,
        line_count=len(lines),
        lines=lines_to_text(lines, "try"),
    )


def change(
    product: int, division: int | None, before: int, after: int, item: int = 0
) -> ChangeLine:
    """Returns the line of a quantity, of an item that is numbered as its product is."""
    prices = 100 if before else None, 100 if after else None
    return ChangeLine(item or 10 + product, product, division, before, after, *prices)


async def test_the_oldest_later_change_tells_the_earlier_quantity(basket: Basket) -> None:
    await write(basket, 1, [change(1, 1, 0, 5)])
    await write(basket, 2, [change(1, 1, 5, 7), change(2, 1, 0, 1)])
    await write(basket, 3, [change(1, 1, 7, 0), change(1, 2, 0, 4)])
    await write(basket, 4, [change(1, 1, 0, 2)])
    assert await read_earlier_parts(basket.id, 4, 4) == {}
    assert await read_earlier_parts(basket.id, 4, 3) == {(1, 1): EarlierPart(11, 0)}
    assert await read_earlier_parts(basket.id, 4, 2) == {
        (1, 1): EarlierPart(11, 7),
        (1, 2): EarlierPart(11, 0),
    }
    assert await read_earlier_parts(basket.id, 4, 1) == {
        (1, 1): EarlierPart(11, 5),
        (1, 2): EarlierPart(11, 0),
        (2, 1): EarlierPart(12, 0),
    }


async def test_the_item_is_the_one_that_held_the_product_then(basket: Basket) -> None:
    await write(basket, 1, [change(1, 1, 0, 5, item=20)])
    await write(basket, 2, [change(1, 1, 5, 0, item=20)])
    await write(basket, 3, [change(1, 1, 0, 5, item=30)])
    assert await read_earlier_parts(basket.id, 3, 1) == {(1, 1): EarlierPart(20, 5)}
    assert await read_earlier_parts(basket.id, 3, 2) == {(1, 1): EarlierPart(30, 0)}


async def test_changes_of_prices_and_of_the_basket_alone_change_no_quantity(
    basket: Basket,
) -> None:
    await write(basket, 2, [change(1, None, 5, 5)])
    await write(basket, 3, [])
    assert await read_earlier_parts(basket.id, 3, 1) == {}


@pytest.mark.parametrize("asked", [-1, 0, 1, 2, 6, 2**31 - 1])
async def test_a_version_beyond_the_stored_changes_is_unknown(
    basket: Basket, asked: int
) -> None:
    # The changes to versions 4 and 5 are stored, and an older one that leads nowhere.
    for version in (2, 4, 5):
        await write(basket, version, [change(1, 1, version, version + 1)])
    with pytest.raises(VersionUnknown) as raised:
        await read_earlier_parts(basket.id, 5, asked)
    assert raised.value.oldest == 3
    assert await read_earlier_parts(basket.id, 5, 3) == {(1, 1): EarlierPart(11, 4)}


@pytest.mark.parametrize("asked", [-1, 0, 1, 4, 6])
async def test_without_stored_changes_only_the_present_version_is_known(
    basket: Basket, asked: int
) -> None:
    assert await read_earlier_parts(basket.id, 5, 5) == {}
    with pytest.raises(VersionUnknown) as raised:
        await read_earlier_parts(basket.id, 5, asked)
    assert raised.value.oldest == 5


async def test_lines_of_an_unknown_format_end_what_is_known(basket: Basket) -> None:
    for version in range(1, 6):
        await write(basket, version, [change(1, 1, version, version + 1)])
    await BasketChange.filter(version=3).update(lines='{"format": 99}')
    assert await read_earlier_parts(basket.id, 5, 3) == {(1, 1): EarlierPart(11, 4)}
    for asked in (1, 2):
        with pytest.raises(VersionUnknown) as raised:
            await read_earlier_parts(basket.id, 5, asked)
        assert raised.value.oldest == 3


def random_change(random: Random, quantities: Quantities) -> list[ChangeLine]:
    """Changes some quantities and returns the lines."""
    keys = {
        (random.randint(1, 6), random.randint(1, 3)) for _ in range(random.randint(0, 8))
    }
    lines = []
    for key in sorted(keys):
        before, after = quantities.pop(key, 0), random.choice([0, 0, 1, 2, 3])
        if after:
            quantities[key] = after
        if before != after:
            lines.append(change(*key, before, after))
    return lines


@pytest.mark.parametrize("seed", range(5))
async def test_the_quantities_of_every_version_of_random_histories_are_found(
    basket: Basket, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random = Random(seed)
    present: Quantities = {}
    versions = [dict(present)]
    for version in range(1, 31):
        await write(basket, version, random_change(random, present))
        versions.append(dict(present))
    for lines_at_once, version in product((1, 7, 20_000), range(1, 31)):
        monkeypatch.setattr(lines_module, "LINES_AT_ONCE", lines_at_once)
        found = await read_earlier_parts(basket.id, 30, version)
        then = present | {key: part.quantity for key, part in found.items()}
        held = {key: quantity for key, quantity in then.items() if quantity}
        assert (lines_at_once, version, held) == (lines_at_once, version, versions[version])
