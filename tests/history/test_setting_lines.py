"""Setting many quantities of a locked basket at once."""

from collections.abc import Mapping
from typing import Any

from tortoise.transactions import in_transaction

from models.basket.lines import ChangedLines
from models.basket.lock import open_active
from models.basket.quantities import read_quantities, set_lines
from models.basket.rules import Line
from models.basket.tables import BasketItem
from models.history.lines import ChangeLine
from models.history.record import Author, record_change
from models.history.tables import ChangeKind, ChangeOrigin
from models.product.tables import Product
from tests.support.lines import line
from tests.support.service import Service

AUTHOR = Author(1, ChangeOrigin.GRAPHQL)


async def products(service: Service) -> Mapping[int, int]:
    """Lets Commerce be asked for four products, and returns the ids of their rows by remote id."""
    items = [line(remote_id) for remote_id in (1, 2, 3, 4)]
    await service.other.accepted(
        "basketItemsAdd", items=[each | {"divisionErpCode": "ERP05"} for each in items]
    )
    rows = await Product.all().values_list("remote_id", "id")
    return {remote_id: int(id) for remote_id, id in rows}


async def set_all(*lines: tuple[int, int, int]) -> ChangedLines:
    """Sets quantities of the active basket of the first user, and records the change."""
    async with in_transaction():
        basket = await open_active(1, 0, None)
        requested = [Line(*each) for each in lines]
        done = await set_lines(basket, {each.key: each for each in requested})
        if done.changed.lines:
            await record_change(basket, ChangeKind.ITEMS_SET, AUTHOR, done.changed)
    return done


async def totals(service: Service) -> dict[str, Any]:
    """Reads the totals of the basket."""
    data = await service.main.query(
        "{ activeBasket { version itemCount totalQuantity totalAmount currency } }"
    )
    basket: dict[str, Any] = data["activeBasket"]
    return basket


async def test_new_products_get_items_in_the_order_of_the_lines(service: Service) -> None:
    ids = await products(service)
    done = await set_all(
        (ids[3], 2, 5), (ids[1], 1, 2), (ids[3], 1, 1), (ids[2], 1, 0), (ids[2], 3, 4)
    )
    assert done.new_products == {ids[3], ids[1], ids[2]}
    assert done.changed.currencies == {"try"}
    items = dict(await BasketItem.filter(basket__user_id=1).values_list("product_id", "id"))
    assert [id for id, _ in sorted(items.items(), key=lambda item: item[1])] == [
        ids[3],
        ids[1],
        ids[2],
    ]
    assert done.changed.lines == [
        ChangeLine(items[ids[3]], ids[3], 2, 0, 5, None, 1000),
        ChangeLine(items[ids[1]], ids[1], 1, 0, 2, None, 1055),
        ChangeLine(items[ids[3]], ids[3], 1, 0, 1, None, 1000),
        ChangeLine(items[ids[2]], ids[2], 3, 0, 4, None, 2000),
    ]
    assert await totals(service) == {
        "version": 1,
        "itemCount": 3,
        "totalQuantity": 12,
        "totalAmount": "161.10",
        "currency": "try",
    }


async def test_quantities_are_absolute_and_none_removes(service: Service) -> None:
    ids = await products(service)
    await set_all((ids[1], 1, 5), (ids[1], 2, 6), (ids[2], 1, 7), (ids[3], 3, 8))
    items = dict(await BasketItem.filter(basket__user_id=1).values_list("product_id", "id"))
    done = await set_all(
        (ids[1], 1, 2),  # less
        (ids[1], 2, 0),  # one division of two
        (ids[1], 3, 9),  # another division
        (ids[2], 1, 0),  # the only division
        (ids[3], 3, 8),  # as it is
        (ids[3], 1, 0),  # no such part
        (ids[4], 1, 0),  # no such item
    )
    assert done.changed.lines == [
        ChangeLine(items[ids[1]], ids[1], 1, 5, 2, 1055, 1055),
        ChangeLine(items[ids[1]], ids[1], 2, 6, 0, 1055, 1055),
        ChangeLine(items[ids[1]], ids[1], 3, 0, 9, 1055, 1055),
        ChangeLine(items[ids[2]], ids[2], 1, 7, 0, 2000, None),
    ]
    assert done.new_products == set()
    basket = await BasketItem.filter(basket__user_id=1).first().values_list("basket_id")
    assert await read_quantities(basket[0]) == {
        (ids[1], 1): 2,
        (ids[1], 3): 9,
        (ids[3], 3): 8,
    }
    assert await totals(service) == {
        "version": 2,
        "itemCount": 2,
        "totalQuantity": 19,
        "totalAmount": "196.05",
        "currency": "try",
    }


async def test_a_product_may_change_its_only_division_and_keep_its_item(
    service: Service,
) -> None:
    ids = await products(service)
    await set_all((ids[1], 1, 5))
    (item,) = await BasketItem.filter(basket__user_id=1)
    await Product.filter(id=ids[1]).update(price=9999)
    done = await set_all((ids[1], 1, 0), (ids[1], 2, 5))
    assert done.changed.lines == [
        ChangeLine(item.id, ids[1], 1, 5, 0, 1055, 1055),
        ChangeLine(item.id, ids[1], 2, 0, 5, 1055, 1055),
    ]


async def test_all_can_be_replaced_also_in_another_currency(service: Service) -> None:
    ids = await products(service)
    await set_all((ids[1], 1, 5), (ids[2], 1, 6))
    await Product.filter(id=ids[3]).update(currency="eur")
    done = await set_all((ids[1], 1, 0), (ids[2], 1, 0), (ids[3], 1, 1))
    assert done.changed.currencies == {"eur"}
    assert (await totals(service))["currency"] == "eur"
    emptied = await set_all((ids[3], 1, 0))
    assert emptied.changed.currencies == set()
    assert await totals(service) == {
        "version": 3,
        "itemCount": 0,
        "totalQuantity": 0,
        "totalAmount": "0.00",
        "currency": None,
    }


async def test_lines_that_change_nothing_are_no_change(service: Service) -> None:
    ids = await products(service)
    await set_all((ids[1], 1, 5))
    done = await set_all((ids[1], 1, 5), (ids[2], 1, 0))
    assert (done.changed.lines, done.new_products) == ([], set())
    assert (await totals(service))["version"] == 1
