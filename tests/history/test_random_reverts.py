"""Random changes of a basket, and reverts to each version that it had."""

from random import Random
from typing import Any

import pytest

from models.history.consistency import check_baskets
from tests.support.reverts import Quantities, quantities, reverted
from tests.support.service import Caller, Service

PRODUCTS = (1, 2, 3, 4)
DIVISIONS = ("ERP01", "ERP02", "ERP03")
STEPS = 25

pytestmark = pytest.mark.long


def as_rows(basket: dict[str, Any] | None) -> Quantities:
    """Returns the quantities of a basket without an order."""
    return {item: dict(sorted(parts.items())) for item, parts in quantities(basket).items()}


class RandomBuyer:
    """A buyer who changes one basket at random, and remembers its quantities at every version."""

    def __init__(self, service: Service, seed: int) -> None:
        self.service = service
        self.caller: Caller = service.main
        self.random = Random(seed)
        self.versions: dict[int, Quantities] = {}

    async def step(self) -> None:
        """Makes one change, which a basket's state may reject, and notes the version."""
        kinds = (self.add, self.add, self.update, self.remove, self.clear, self.move)
        await self.random.choice((*kinds, self.refresh, self.revert))()
        basket = await self.caller.basket()
        if basket is not None:
            found = self.versions.setdefault(basket["version"], as_rows(basket))
            assert found == as_rows(basket)

    async def add(self) -> None:
        """Adds up to three lines."""
        lines = [
            {
                "productRemoteId": self.random.choice(PRODUCTS),
                "divisionErpCode": self.random.choice(DIVISIONS),
                "quantity": self.random.randint(1, 9),
            }
            for _ in range(self.random.randint(1, 3))
        ]
        await self.caller.accepted("basketItemsAdd", items=lines)

    async def update(self) -> None:
        """Sets a quantity, often to none."""
        await self.caller.change(
            "basketItemUpdate",
            productRemoteId=self.random.choice(PRODUCTS),
            divisionId=self.service.division(self.random.choice(DIVISIONS)),
            quantity=self.random.choice([0, 0, 1, 5]),
        )

    async def remove(self) -> None:
        """Removes a product."""
        product = self.random.choice(PRODUCTS)
        await self.caller.change("basketItemRemove", productRemoteId=product)

    async def clear(self) -> None:
        """Empties the basket."""
        await self.caller.change("basketClear")

    async def move(self) -> None:
        """Saves the basket and loads it again: two versions with the same quantities."""
        saved = await self.caller.change("basketSave", name="Draft")
        if saved["basket"]:
            draft = saved["basket"]
            self.versions[draft["version"]] = as_rows(draft)
            await self.caller.accepted("basketLoad", basketId=draft["id"])

    async def refresh(self) -> None:
        """Changes a price, which changes no quantity."""
        product = self.random.choice(PRODUCTS)
        self.service.shop.sell(product, f"{self.random.randint(1, 99)}.00")
        await self.caller.change("basketRefresh")

    async def revert(self) -> None:
        """Goes back to a random version."""
        if self.versions:
            version = self.random.choice(sorted(self.versions))
            basket = await reverted(self.caller, version)
            assert as_rows(basket) == self.versions[version]


@pytest.mark.parametrize("seed", range(4))
async def test_each_version_of_a_random_history_comes_back_exactly(
    service: Service, seed: int
) -> None:
    buyer = RandomBuyer(service, seed)
    for _ in range(STEPS):
        await buyer.step()
    basket = await buyer.caller.basket()
    assert basket is not None
    assert sorted(buyer.versions) == list(range(1, basket["version"] + 1))
    for version, expected in sorted(buyer.versions.items()):
        basket = await reverted(buyer.caller, version)
        assert (version, as_rows(basket)) == (version, expected)
    (checked,) = [checked async for checked in check_baskets()]
    assert checked.differences == []
    assert checked.history == (basket["version"], 1, basket["version"], basket["version"])
