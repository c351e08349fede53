"""Products are read once per revision: never a stale answer, whatever changes in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tortoise.connection import get_connection
from tortoise.transactions import in_transaction

from models.basket.catalogue import Catalogue, LookUp
from models.basket.read import ACTIVE, ITEMS
from models.basket.rows import FullBasket
from models.basket.tables import Basket, BasketItem, BasketItemDivision
from models.database.connection import connect, disconnect
from models.division import Division, DivisionType
from models.product.tables import PRODUCT, Product
from models.timestamps import now
from models.user import User
from tests.support.databases import databases


class Undone(Exception):
    """Raised to roll back a transaction."""


async def write_basket() -> User:
    """Writes a main division with a sub-division, and a basket of three products for both."""
    main = await Division.create(erp_code="M", name="main", type=DivisionType.MAIN)
    sub = await Division.create(
        erp_code="S", name="sub", type=DivisionType.SUB, parent=main
    )
    user = await User.create(
        email="a@example.invalid", first_name="A", last_name="B", division=main
    )
    basket = await Basket.create(user=user, created_at=now(), updated_at=now())
    for number in (1, 2, 3):
        product = await write_product(number)
        item = await BasketItem.create(
            basket=basket, product=product, price=100, currency="try"
        )
        for division in (main, sub):
            await BasketItemDivision.create(item=item, division=division, quantity=number)
    return user


async def write_product(number: int, **changes: Any) -> Product:
    """Writes a product; with an `id`, the one of that row."""
    values: dict[str, Any] = {
        "remote_id": number,
        "sku": f"SKU{number}",
        "price": 100,
        "currency": "try",
        "in_stock": True,
        "is_available": True,
        "refreshed_at": now(),
    }
    return await Product.create(**values | changes)


async def read(catalogue: Catalogue, user: User) -> list[Any]:
    """Returns what a basket shows of products and divisions."""
    rows = await ACTIVE.read(catalogue, ITEMS, user_id=user.id, segment=0)
    return [shown(basket) for basket in rows.full_baskets()]


def shown(basket: FullBasket) -> Any:
    products = [
        {**product.columns, "refreshed_at": refreshed_at}
        for product, refreshed_at in zip(basket.products, basket.refreshed_at, strict=True)
    ]
    divisions = {key: dict(row.columns) for key, row in sorted(basket.divisions.items())}
    return products, divisions


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[User]:
    """Opens an empty database with a basket."""
    await connect(url)
    try:
        yield await write_basket()
    finally:
        await disconnect()


NAMES = st.sampled_from(["one", "two", "three"])
NUMBERS = st.integers(1, 3)
CHANGES = st.one_of(
    st.tuples(
        st.sampled_from(["rename", "confirm", "roll back", "write again"]), NUMBERS, NAMES
    ),
    st.tuples(st.sampled_from(["main", "sub", "roll back division"]), st.just(0), NAMES),
    st.tuples(st.sampled_from(["read first", "read second"]), st.just(0), st.just("")),
)


class Machine:
    """Two caches, as two processes have them, and changes between their reads."""

    def __init__(self, user: User) -> None:
        self.user = user
        # One so small that it evicts all the time, as a large catalogue makes it.
        self.caches = [Catalogue(), Catalogue(4_000)]

    async def change(self, kind: str, number: int, name: str) -> None:
        """Makes one change, or reads by one of the caches."""
        if kind in ("read first", "read second"):
            await self.check(self.caches[kind == "read second"])
        elif kind == "rename":
            await Product.filter(remote_id=number).update(name=name)
        elif kind == "confirm":
            await Product.filter(remote_id=number).update(refreshed_at=now())
        elif kind == "write again":
            await self.write_again(number, name)
        elif kind == "roll back":
            await self.roll_back(Product.filter(remote_id=number).update(name=name))
        elif kind == "roll back division":
            await self.roll_back(Division.filter(erp_code="M").update(name=name))
        else:
            await Division.filter(erp_code=kind[0].upper()).update(name=name)

    async def roll_back(self, change: Any) -> None:
        """Makes a change, reads it within its transaction by a cache, and undoes it."""
        try:
            async with in_transaction():
                await change
                await self.check(self.caches[0])
                raise Undone
        except Undone:
            pass

    async def write_again(self, number: int, name: str) -> None:
        """Deletes a product, and writes another one with the id of its row."""
        async with in_transaction():
            product = await Product.get(remote_id=number)
            (item,) = await BasketItem.filter(product_id=product.id)
            spare = await write_product(99)
            await BasketItem.filter(id=item.id).update(product_id=spare.id)
            await product.delete()
            await write_product(number, id=product.id, name=name)
            await BasketItem.filter(id=item.id).update(product_id=product.id)
            await spare.delete()

    async def check(self, catalogue: Catalogue) -> None:
        """Asserts that a cache shows what a read without one shows."""
        assert await read(catalogue, self.user) == await read(Catalogue(), self.user)


@pytest.mark.parametrize("kind", ["postgres", "sqlite"])
def test_no_cache_ever_shows_something_old(kind: str, tmp_path: Path) -> None:
    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(CHANGES, min_size=3, max_size=14))
    def run(changes: list[tuple[str, int, str]]) -> None:
        async def scenario(url: str) -> None:
            async with opened(url) as user:
                machine = Machine(user)
                for change in changes:
                    await machine.change(*change)
                for catalogue in machine.caches:
                    await machine.check(catalogue)

        for url in databases(kind, tmp_path):
            asyncio.run(scenario(url))
            for file in tmp_path.iterdir():
                file.unlink()

    run()


async def test_a_product_that_changes_between_the_statements_is_read_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_missing = LookUp.read_missing
    names = iter(["new", "newer"])

    async def change_and_read(look_up: LookUp) -> None:
        if name := next(names, None):
            await Product.all().update(name=name)
            await Division.all().update(name=name)
        await read_missing(look_up)

    async with opened(database_url) as user:
        monkeypatch.setattr(LookUp, "read_missing", change_and_read)
        ((products, divisions),) = await read(Catalogue(), user)
        assert [product["name"] for product in products] == ["new"] * 3
        assert {row["division_name"] for row in divisions.values()} <= {"new", "newer"}


async def test_a_revision_covers_every_column_that_is_shown(database_url: str) -> None:
    values = {"remote_id": 9, "segment": 7, "price": 1, "stock": 3}
    values |= {"in_stock": False, "is_available": False}
    async with opened(database_url):
        for name in PRODUCT.names:
            before = await revision()
            value = now() if name == "refreshed_at" else values.get(name, "other")
            await Product.filter(id=1).update(**{name: value})
            is_covered = name != "refreshed_at" or database_url.startswith("sqlite")
            assert (await revision() != before) is is_covered, name
        before = await revision()
        await Product.filter(id=1).update(name="other")
        assert (await revision() == before) is not database_url.startswith("sqlite")


async def revision() -> int:
    """Returns the revision of the first product."""
    query = "SELECT revision FROM product WHERE id = 1"
    _, rows = await get_connection("default").execute_query(query)
    number: int = rows[0]["revision"]
    return number


async def test_the_cache_is_bounded_in_bytes() -> None:
    catalogue = Catalogue(100_000)
    for number in range(1_000):
        row = catalogue.products.add((number, 1), {"name": "x" * 100})
        row.store_text("selection", "y" * 500)
        assert catalogue.products.size <= 100_000 + 2_000
    assert catalogue.products.get((999, 1)) is not None
    assert catalogue.products.get((1, 1)) is None
