"""Very many values to reject in one input: the first are named, and the response stays short."""

from typing import Any

import pytest

from models.basket.rules import Breach, Sums, check_rules
from models.basket.tables import BasketItem
from models.idempotency import IdempotencyKey
from models.rejections import Rejected
from tests.support.lines import line
from tests.support.many_items import fill_basket
from tests.support.service import Service

MUTATIONS = [("basketRefresh", "the basket"), ("basketCopy", "the basket to copy")]


async def source_of(service: Service, mutation: str) -> dict[str, Any]:
    """Adds a product, and returns the input that names its basket."""
    basket = await service.main.accepted("basketItemsAdd", items=[line(1)])
    return {"basketId": basket["id"]} if mutation == "basketCopy" else {}


@pytest.mark.parametrize(("mutation", "name"), MUTATIONS)
async def test_of_many_products_that_a_basket_lacks_the_first_hundred_are_named(
    service: Service, mutation: str, name: str
) -> None:
    given = await source_of(service, mutation)
    before = await service.main.everything()
    chosen = [1, *range(1_000, 10_999)]
    payload = await service.main.change(
        mutation, productRemoteIds=chosen, idempotencyKey="key", **given
    )
    assert payload["userErrors"] == [
        {
            "code": "PRODUCT_NOT_IN_BASKET",
            "message": f"Product {999 + index} is not in {name}.",
            "field": ["productRemoteIds", str(index)],
        }
        for index in range(1, 101)
    ] + [
        {
            "code": "PRODUCT_NOT_IN_BASKET",
            "message": f"9999 of the products are not in {name}; only the first 100 are named.",
            "field": ["productRemoteIds"],
        }
    ]
    (key,) = await IdempotencyKey.all()
    assert len(key.outcome) < 16_000
    assert await service.main.everything() == before


@pytest.mark.parametrize(("mutation", "name"), MUTATIONS)
async def test_a_hundred_products_that_a_basket_lacks_are_all_named(
    service: Service, mutation: str, name: str
) -> None:
    given = await source_of(service, mutation)
    rejected = await service.main.rejected(
        mutation, productRemoteIds=[*range(1_000, 1_100)], **given
    )
    assert rejected == [
        ("PRODUCT_NOT_IN_BASKET", ["productRemoteIds", str(index)]) for index in range(100)
    ]


@pytest.mark.parametrize(("mutation", "name"), MUTATIONS)
async def test_more_products_than_a_basket_may_hold_cannot_be_chosen(
    service: Service, mutation: str, name: str
) -> None:
    given = await source_of(service, mutation)
    before = await service.main.everything()
    payload = await service.main.change(mutation, productRemoteIds=[1] * 10_001, **given)
    assert payload["userErrors"] == [
        {
            "code": "INVALID_INPUT",
            "message": "There are 10001 products; send at most 10000.",
            "field": ["productRemoteIds"],
        }
    ]
    assert await service.main.everything() == before


async def test_of_many_items_in_a_foreign_currency_the_first_hundred_are_named(
    service: Service,
) -> None:
    basket_id = await fill_basket(150, 1)
    first, second, *_ = await BasketItem.all().order_by("id").select_related("product")
    await BasketItem.filter(id__gt=first.id).update(currency="eur")
    with pytest.raises(Rejected) as rejected:
        await check_rules(Breach(basket_id, Sums(1, 150, 150, 2), [], {}))
    messages = [rejection.message for rejection in rejected.value.rejections]
    assert len(messages) == 100
    assert messages[0] == (
        f"Product {second.product.remote_id} is priced in eur, the basket in try; "
        "all items share one currency."
    )
