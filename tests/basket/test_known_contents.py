"""Contents kept in memory never show: answers are those of a read of everything, always."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.basket.add import Addition, RequestedLine, add_known_lines
from models.basket.catalogue import Catalogue
from models.basket.read import SUMMARY
from models.basket.rows import BasketRows
from models.division import Division
from models.history.tables import ChangeOrigin
from models.product.tables import Product
from models.user import Buyers, hash_token
from tests.basket.test_adding import EVER
from tests.support.service import Service, serve
from tests.support.shop import serve_shop
from tests.support.thoroughness import IS_REPEATED, examples

ITEMS = """items { id productRemoteId price quantity totalAmount product { name inStock %s }
divisions { id quantity totalAmount division { id name parent { name } } } }"""
HEAD = "id version itemCount totalQuantity totalAmount currency updatedAt"
KEPT = f"{HEAD} {ITEMS % ''}"
OTHER = "version items { quantity product { sku name } divisions { quantity } }"
# No contents are kept of the one field that no revision covers: this reads everything.
TRUTH = f"{HEAD} {ITEMS % 'refreshedAt'}"

PRODUCTS = st.integers(1, 4)
CODES = st.sampled_from(["ERP01", "ERP02", "ERP03"])
LINES = st.lists(st.tuples(PRODUCTS, CODES, st.integers(1, 9)), min_size=1, max_size=3)
STEP: st.SearchStrategy[tuple[str, list[tuple[int, str, int]]]] = st.one_of(
    st.tuples(st.sampled_from(["add", "add for totals", "add for others"]), LINES),
    st.tuples(st.just("add elsewhere"), LINES),
    st.tuples(st.sampled_from(["update", "remove", "set", "rename", "describe"]), LINES),
    st.tuples(st.sampled_from(["clear", "save and load", "read others"]), st.just([])),
)
Step = tuple[str, list[tuple[int, str, int]]]


def plain(basket: dict[str, Any]) -> dict[str, Any]:
    """Returns a basket without what only the truth has."""
    for item in basket["items"]:
        item["product"].pop("refreshedAt", None)
    return basket


class Machine:
    """A buyer at one server, beside which another one changes the same basket."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.done = Counter[str]()

    async def confirm(self) -> None:
        """Has another buyer ask Commerce for all products."""
        for product in (1, 2, 3, 4):
            line = {"productRemoteId": product, "divisionErpCode": "ERP05"}
            await self.service.other.accepted("basketItemsAdd", items=[line])

    async def begin(self) -> None:
        """Empties the basket, and puts two products into it."""
        await self.service.main.change("basketClear", "basket { version }")
        await self.step("add", [(1, "ERP01", 1), (2, "ERP01", 1)])

    async def step(self, kind: str, lines: list[tuple[int, str, int]]) -> None:
        """Makes a change, and compares what is shown after it."""
        self.done[kind] += 1
        shown = await self._change(kind, lines)
        truth = await self.read(TRUTH)
        assert shown is None or plain(shown) == plain(truth)
        assert plain(await self.read(KEPT)) == plain(truth)

    async def read(self, selection: str) -> dict[str, Any]:
        """Returns the active basket."""
        data = await self.service.main.query(f"{{ activeBasket {{ {selection} }} }}")
        basket: dict[str, Any] = data["activeBasket"]
        return basket

    async def _change(
        self, kind: str, lines: list[tuple[int, str, int]]
    ) -> dict[str, Any] | None:
        main = self.service.main
        items: list[dict[str, Any]] = [
            {"productRemoteId": product, "divisionErpCode": code, "quantity": quantity}
            for product, code, quantity in lines
        ]
        if kind == "add":
            return await self._basket("basketItemsAdd", KEPT, items=items)
        if kind == "add for totals":
            await self._basket("basketItemsAdd", HEAD, items=items)
        elif kind == "add for others":
            await self._basket("basketItemsAdd", OTHER, items=items)
        elif kind == "add elsewhere":
            await self._add_elsewhere(lines)
        elif kind == "update":
            # Rejected where the basket does not hold the product.
            number, code, quantity = lines[0]
            await main.change(
                "basketItemUpdate",
                productRemoteId=number,
                divisionId=self.service.divisions[code].id,
                quantity=quantity,
            )
        elif kind == "remove":
            product = {"productRemoteId": lines[0][0]}
            await main.change("basketItemRemove", f"basket {{ {KEPT} }}", **product)
        elif kind == "set":
            return await self._basket("basketItemsSet", KEPT, items=items[:1])
        elif kind == "rename":
            await Division.filter(erp_code=lines[0][1]).update(name=f"Division {lines}")
        elif kind == "describe":
            await Product.filter(remote_id=lines[0][0]).update(name=f"Product {lines}")
        elif kind == "clear":
            await self.begin()
        elif kind == "read others":
            await self.read(OTHER)
        else:
            saved = await main.change("basketSave", "basket { id }", name="Draft")
            await main.change("basketLoad", basketId=saved["basket"]["id"])
        return None

    async def _basket(
        self, mutation: str, selection: str, **given: Any
    ) -> dict[str, Any] | None:
        payload = await self.service.main.change(
            mutation, f"basket {{ {selection} }}", **given
        )
        assert payload["userErrors"] == []
        basket: dict[str, Any] = payload["basket"]
        return basket

    async def _add_elsewhere(self, lines: list[tuple[int, str, int]]) -> None:
        buyer = await Buyers(0).find(hash_token("main"))
        assert buyer is not None
        addition = Addition(
            buyer=buyer,
            origin=ChangeOrigin.GRAPHQL,
            segment=0,
            expected_version=None,
            confirmed_since=EVER,
            lines=[
                RequestedLine(product, None, None, code, quantity)
                for product, code, quantity in lines
            ],
        )
        assert isinstance(await add_known_lines(Catalogue(), addition, SUMMARY), BasketRows)


@pytest.fixture
def running(database_url: str) -> Iterator[tuple[asyncio.Runner, Machine]]:
    """The machine on each database, with the event loop that it runs in."""
    with asyncio.Runner() as loop, ExitStack() as stack:
        shop = loop.run((opened_shop := serve_shop()).__aenter__())
        stack.callback(lambda: loop.run(opened_shop.__aexit__(None, None, None)))
        for product in (2, 3, 4):
            shop.sell(product, "10.00")
        service = loop.run((opened := serve(database_url, shop)).__aenter__())
        stack.callback(lambda: loop.run(opened.__aexit__(None, None, None)))
        machine = Machine(service)
        loop.run(machine.confirm())
        yield loop, machine


@pytest.mark.long
def test_every_answer_is_that_of_a_read_of_everything(
    running: tuple[asyncio.Runner, Machine],
) -> None:
    loop, machine = running

    async def play(steps: list[Step]) -> None:
        await machine.begin()
        for step in steps:
            await machine.step(*step)

    @settings(
        max_examples=examples(12),
        deadline=None,
        derandomize=IS_REPEATED,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(STEP, min_size=10, max_size=25))
    def run(steps: list[Step]) -> None:
        loop.run(play(steps))

    run()
    assert len(machine.done) == 12
