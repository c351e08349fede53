"""Deltas over random histories: applied to the items of any earlier version, they give the present ones."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.deltas import apply_delta, read_delta, read_state
from tests.support.imports import send
from tests.support.lines import line
from tests.support.service import Caller, Service, serve
from tests.support.sheets import csv
from tests.support.shop import serve_shop
from tests.support.thoroughness import IS_REPEATED, examples

EXAMPLES = 30
PRODUCTS = st.integers(1, 4)
DIVISIONS = st.sampled_from(["ERP01", "ERP02", "ERP03"])
LINES = st.lists(
    st.builds(line, PRODUCTS, DIVISIONS, st.integers(1, 3)), min_size=1, max_size=4
)
PRICES = st.dictionaries(PRODUCTS, st.sampled_from(["1.00", "2.50"]), min_size=1)

Json = dict[str, Any]

STEPS = st.one_of(
    st.tuples(st.just("add"), LINES),
    st.tuples(st.just("import_file"), LINES),
    st.tuples(st.just("update"), PRODUCTS, DIVISIONS, st.integers(0, 3)),
    st.tuples(st.just("update"), PRODUCTS, DIVISIONS, st.integers(0, 3)),
    st.tuples(st.just("remove"), PRODUCTS),
    st.tuples(st.just("refresh"), PRICES, st.sampled_from(["try", "try", "try", "eur"])),
    st.tuples(st.sampled_from(["save", "load", "clear"])),
    st.tuples(st.sampled_from(["save", "load"])),
)


@dataclass
class Client:
    """A client that keeps every version of the baskets of a segment that it has seen."""

    service: Service
    segment: int
    seen: dict[str, dict[int, Json]] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)

    @property
    def main(self) -> Caller:
        """The buyer."""
        return self.service.main

    async def step(self, kind: str, *values: Any) -> None:
        """Makes a change, accepted or not, and reads the baskets after it."""
        payload = await getattr(self, kind)(*values)
        self.counted[kind] += not payload["userErrors"]
        document = (
            "query ($segment: Int) { activeBasket(segmentRemoteId: $segment) { id } }"
        )
        active = (await self.main.query(document, segment=self.segment))["activeBasket"]
        for basket_id in {*self.seen, *([active["id"]] if active else [])}:
            state = await read_state(self.main, basket_id)
            if state:
                self.seen.setdefault(basket_id, {})[state["version"]] = state
                # After a rejected change it is remembered.
                unchanged = await read_delta(self.main, state["version"], basket_id)
                check_delta(unchanged, state, state)
            else:
                # An empty active basket vanishes when another one is loaded.
                self.seen.pop(basket_id, None)

    async def change(self, mutation: str, **given: Any) -> Json:
        """Sends a mutation of the segment."""
        return await self.main.change(
            mutation, "basket { id }", segmentRemoteId=self.segment, **given
        )

    async def add(self, lines: list[Json]) -> Json:
        """Adds lines."""
        return await self.change("basketItemsAdd", items=lines)

    async def import_file(self, lines: list[Json]) -> Json:
        """Imports lines from a file."""
        rows = [
            [f"SKU{each['productRemoteId']:02d}", each["quantity"], each["divisionErpCode"]]
            for each in lines
        ]
        return await send(
            self.main, csv(rows), "basket { id }", segmentRemoteId=self.segment
        )

    async def update(self, product: int, division: str, quantity: int) -> Json:
        """Sets a quantity."""
        division_id = self.service.division(division)
        return await self.change(
            "basketItemUpdate",
            productRemoteId=product,
            divisionId=division_id,
            quantity=quantity,
        )

    async def remove(self, product: int) -> Json:
        """Removes a product."""
        return await self.change("basketItemRemove", productRemoteId=product)

    async def clear(self) -> Json:
        """Removes everything."""
        return await self.change("basketClear")

    async def refresh(self, prices: dict[int, str], currency: str) -> Json:
        """Changes prices, and perhaps the currency of all products, and refreshes the basket."""
        for product in range(1, 5):
            price = prices.get(product, f"{product}.00")
            more = {"segment_price": price, "currency_type": currency}
            self.service.shop.sell(product, price, **more)
        return await self.change("basketRefresh")

    async def save(self) -> Json:
        """Saves the active basket."""
        return await self.change("basketSave", name="Draft")

    async def load(self) -> Json:
        """Loads the oldest draft."""
        drafts = [
            basket_id
            for basket_id, versions in self.seen.items()
            if versions[max(versions)]["status"] == "DRAFT"
        ]
        return await self.main.change(
            "basketLoad", "basket { id }", basketId=drafts[0] if drafts else "basket_999999"
        )

    async def check(self) -> None:
        """Applies the deltas from all versions that were seen of all baskets."""
        for basket_id, versions in self.seen.items():
            now = versions[max(versions)]
            for version, state in versions.items():
                delta = await read_delta(self.main, version, basket_id)
                check_delta(delta, state, now)
                # From memory where it is remembered.
                assert await read_delta(self.main, version, basket_id) == delta
                self.counted["deltas"] += 1
                self.counted["items left out"] += len(delta["items"]) < len(now["items"])


def check_delta(delta: Json, before: Json, now: Json) -> None:
    """Checks that a delta is right, and no larger than it must be."""
    assert (delta["sinceVersion"], delta["isComplete"]) == (before["version"], False)
    assert delta["basket"] == {key: each for key, each in now.items() if key != "items"}
    assert apply_delta(before["items"], delta) == now["items"]
    held = {item["id"]: item for item in before["items"]}
    assert set(delta["removedItemIds"]) <= held.keys()
    for item in delta["items"]:
        # Another currency shows in the product alone. A division that was removed and added again
        # counts as moved, which it may not have been.
        has_moved = len(item["divisions"]) > 1 or before["currency"] != now["currency"]
        assert item != held.get(item["id"]) or has_moved


def check_histories(
    runner: asyncio.Runner, service: Service, segments: Iterator[int], counted: Counter[str]
) -> None:
    """Makes random histories, each in a segment of its own."""

    async def follow(first: list[Json], steps: list[tuple[Any, ...]]) -> None:
        client = Client(service, next(segments), counted=counted)
        for product in range(1, 5):
            service.shop.sell(product, f"{product}.00", segment_price=f"{product}.00")
        await client.step("add", first)
        for step in steps:
            await client.step(*step)
        await client.check()

    @settings(
        max_examples=examples(EXAMPLES),
        deadline=None,
        derandomize=IS_REPEATED,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(first=LINES, steps=st.lists(STEPS, min_size=3, max_size=15))
    def check(first: list[Json], steps: list[tuple[Any, ...]]) -> None:
        runner.run(follow(first, steps))

    check()


def test_a_delta_from_any_version_gives_the_present_items(database_url: str) -> None:
    counted: Counter[str] = Counter()
    segments = count(1)
    with asyncio.Runner() as runner:
        shop_opened = serve_shop()
        opened = serve(database_url, runner.run(shop_opened.__aenter__()))
        service = runner.run(opened.__aenter__())
        try:
            check_histories(runner, service, segments, counted)
        finally:
            runner.run(opened.__aexit__(None, None, None))
            runner.run(shop_opened.__aexit__(None, None, None))
    drawn = examples(EXAMPLES)
    kinds = ("add", "import_file", "update", "remove", "refresh", "clear", "save", "load")
    assert [kind for kind in kinds if counted[kind] < drawn // 10] == []
    assert counted["deltas"] > 5 * drawn
    assert counted["items left out"] > drawn
