"""The functions that add a line, a few and many lines: each does as the others do."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from tortoise.transactions import in_transaction

from models.basket import add
from models.basket.add import Addition, RequestedLine, add_known_lines
from models.basket.catalogue import Catalogue
from models.basket.read import ITEMS
from models.basket.tables import Basket, BasketItem, BasketItemDivision
from models.history.lines import lines_from_text
from models.history.tables import BasketChange, ChangeOrigin
from models.product.tables import Product
from models.timestamps import now
from models.user import Buyers, hash_token
from tests.support.lines import line
from tests.support.service import Service, serve
from tests.support.shop import Shop
from tests.support.thoroughness import examples

PRODUCTS: list[int | str] = [1, 2, 3, 8, "SKU01", "SKU02", "SKU08"]
ODD_PRODUCTS: list[int | str] = [5, 6, 404, "SKU03", "NONE"]
"""Of another currency, no longer sold, unknown, of two products, and unknown."""
DIVISIONS = ["ERP01", "ERP02", "ERP03"]
ODD_DIVISIONS = ["ERP04", "ERP05", "NONE"]
"""Closed, of another company, and unknown."""


class Undone(Exception):
    """Rolls an addition back; its arguments are the result of it."""


class Additions:
    """The same random additions by all functions, to one basket."""

    def __init__(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, seed: int
    ) -> None:
        self.service = service
        self.monkeypatch = monkeypatch
        self.random = Random(seed)

    def line(self, divisions: list[str], odd: int) -> RequestedLine:
        """Draws a line, which is an odd one with this chance in a hundred."""
        is_odd = self.random.randrange(100) < odd
        product = self.random.choice(ODD_PRODUCTS if is_odd else PRODUCTS)
        is_far = self.random.randrange(100) < odd
        division = self.random.choice(ODD_DIVISIONS if is_far else divisions)
        is_large = self.random.randrange(100) < odd
        quantity = self.random.randint(1, 1_000_000 if is_large else 9)
        return RequestedLine(
            remote_id=product if isinstance(product, int) else None,
            sku=product if isinstance(product, str) else None,
            division_id=None,
            erp_code=division,
            quantity=quantity,
        )

    async def addition(self) -> Addition:
        """Draws an addition of a few lines, some of them of the same products."""
        # The other one has no basket.
        name = self.random.choice(["main", "main", "sub"])
        buyer = await Buyers(0).find(hash_token(name))
        assert buyer
        divisions = DIVISIONS if name == "main" else ["ERP02"]
        odd = self.random.choice([0, 0, 3])
        count = self.random.choice([1, 2, 5, 12])
        return Addition(
            buyer=buyer,
            origin=ChangeOrigin.GRAPHQL,
            segment=0,
            expected_version=self.random.choice([None, None, None, 1, 2]),
            lines=[self.line(divisions, odd) for _ in range(count)],
            confirmed_since=now() - timedelta(minutes=5),
        )

    async def result_of(self, addition: Addition, few_lines: int, many_lines: int) -> Any:
        """Adds the lines by the function for so many that these numbers choose."""
        self.monkeypatch.setattr(add, "FEW_LINES", few_lines)
        self.monkeypatch.setattr(add, "MANY_LINES", many_lines)
        try:
            async with in_transaction():
                added = await add_known_lines(Catalogue(), addition, ITEMS)
                raise Undone(added is None, *await everything())
        except Undone as undone:
            return undone.args


async def everything() -> list[Any]:
    """Reads all baskets, items, quantities and history, with products in place of ids that vary."""
    baskets = await Basket.all().order_by("id")
    items = await BasketItem.all().order_by("id").select_related("product")
    products = {item.id: item.product.remote_id for item in items}
    parts = await (
        BasketItemDivision.all()
        .order_by("id")
        .values_list("item_id", "division_id", "quantity")
    )
    changes = await BasketChange.all().order_by("version")
    return [
        [
            (each.version, each.item_count, each.total_quantity, each.total_amount)
            for each in baskets
        ],
        [(products[item.id], item.price, item.currency) for item in items],
        [(products[item_id], *part) for item_id, *part in parts],
        [(each.version, each.kind, each.currency, each.line_count) for each in changes],
        [
            [
                (products.get(row.item_id), *row[1:])
                for row in lines_from_text(each.lines).lines
            ]
            for each in changes
        ],
    ]


async def prepare(service: Service) -> None:
    """Makes all products known, one of them no longer sold, and a SKU that two products have."""
    service.shop.sell(8, "2.00")
    known = [line(product) for product in (1, 2, 3, 8)]
    await service.main.accepted("basketItemsAdd", items=known)
    await service.main.accepted("basketClear")
    other = await service.main.accepted("basketItemsAdd", items=[line(5)])
    await service.main.accepted("basketClear")
    await service.main.accepted("basketItemsAdd", items=[line(2, "ERP02", 3), line(8)])
    assert other["currency"] == "eur"
    twin = await Product.get(remote_id=3)
    await Product.create(
        remote_id=33,
        sku="SKU03",
        price=twin.price,
        currency=twin.currency,
        in_stock=True,
        is_available=True,
        refreshed_at=twin.refreshed_at,
    )


@pytest.mark.long
async def test_they_add_and_reject_alike(
    postgres_url: str, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = examples(60)
    async with serve(postgres_url, shop) as service:
        await prepare(service)
        additions = Additions(service, monkeypatch, seed=17)
        rejected = 0
        for _ in range(count):
            addition = await additions.addition()
            one_by_one = await additions.result_of(addition, few_lines=2, many_lines=1_000)
            for numbers in ((1, 1_000), (0, 0)):
                assert await additions.result_of(addition, *numbers) == one_by_one
            rejected += one_by_one[0]
    # Not vacuous: there are many of both.
    assert count // 5 < rejected < 4 * count // 5
