"""Random changes of everything that a basket shows: of two bodies that differ the tags differ, too."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from models.division import Division
from models.product.tables import Product
from models.timestamps import now
from tests.support.databases import databases
from tests.support.service import Caller, Service, serve, serve_beside
from tests.support.shop import serve_shop
from tests.support.thoroughness import examples

BASKET = """id status name version currency totalAmount totalQuantity updatedAt
  items {
    id price quantity product { id remoteId sku name price currency variants productImage inStock }
    divisions { id quantity division { id name isActive parent { name isActive } } }
  }"""
DOCUMENTS = (
    f"{{ activeBasket {{ {BASKET} }} }}",
    f"query ($s: Int) {{ activeBasket(segmentRemoteId: $s) {{ {BASKET} }} }}",
    "{ activeBasket { totalQuantity totalAmount itemCount } }",
    f'{{ activeBaskets {{ {BASKET} }} one: basket(id: "1") {{ name items {{ quantity }} }} }}',
    "{ activeBasket { itemsPage(last: 1) { edges { cursor node { product { name } } } totalCount } } }",
    # The interface that numbers its baskets.
    "/api/v1/basket/",
)
# So few bytes that responses are evicted by others.
CACHE_BYTES = 12_000

NAMES = st.sampled_from(["one", "two"])
NUMBERS = st.integers(1, 3)
SERVERS = st.booleans()
CHANGES = st.one_of(
    st.tuples(st.just("add"), SERVERS, NUMBERS, NAMES),
    st.tuples(
        st.sampled_from(["remove", "refresh", "save", "load"]), SERVERS, NUMBERS, NAMES
    ),
    st.tuples(
        st.sampled_from(["rename product", "reprice product", "confirm product"]),
        st.just(False),
        NUMBERS,
        NAMES,
    ),
    st.tuples(
        st.sampled_from(["rename division", "turn division"]),
        st.just(False),
        st.integers(1, 2),
        NAMES,
    ),
)
READS = st.lists(st.sampled_from(DOCUMENTS), min_size=1, max_size=3)
Step = tuple[tuple[str, bool, int, str], list[str]]
ALL_DOCUMENTS: list[Step] = [
    ((kind, False, 1, "one"), list(DOCUMENTS))
    for kind in ("add", "refresh", "rename product", "rename division", "remove")
]
"""However few examples are drawn: every document after changes of five kinds."""


class Readers:
    """A server that remembers, one that never does, and the tags and bodies seen so far."""

    def __init__(self, service: Service, plain: httpx.AsyncClient) -> None:
        self.servers = (service.main, Caller(plain, "main"))
        self.shop = service.shop
        self.prices = count(100)
        self.tags: dict[str, str] = {}
        self.bodies: dict[tuple[str, str], bytes] = {}
        self.drafts: list[str] = []

    async def fill(self) -> None:
        """Adds one of each product."""
        lines = [
            {"productRemoteId": number, "divisionErpCode": "ERP01"} for number in (1, 2, 3)
        ]
        await self.servers[0].accepted("basketItemsAdd", items=lines)

    async def change(self, kind: str, by_other: bool, number: int, name: str) -> None:
        """Makes one change, by the API of one of the servers or in the database."""
        caller = self.servers[by_other]
        if kind == "turn division":
            # Not the caller's own, without which they could read nothing.
            (division,) = await Division.filter(erp_code=f"ERP0{number + 1}")
            await Division.filter(id=division.id).update(is_active=not division.is_active)
        elif kind == "rename division":
            await Division.filter(erp_code=f"ERP0{number}").update(name=name)
        elif kind.endswith("product"):
            await self._change_product(kind, number, name)
        else:
            await self._change_basket(caller, kind, number, name)

    async def _change_product(self, kind: str, number: int, name: str) -> None:
        changes: dict[str, Any] = {
            "rename product": {"name": name},
            "reprice product": {"price": next(self.prices)},
            "confirm product": {"refreshed_at": now()},
        }
        await Product.filter(remote_id=number).update(**changes[kind])

    async def _change_basket(
        self, caller: Caller, kind: str, number: int, name: str
    ) -> None:
        if kind == "add":
            erp_code = "ERP02" if name == "one" else "ERP01"
            items = [{"productRemoteId": number, "divisionErpCode": erp_code}]
            await caller.change("basketItemsAdd", "", items=items)
        elif kind == "remove":
            await caller.change("basketItemRemove", "", productRemoteId=number)
        elif kind == "refresh":
            self.shop.sell(number, f"{next(self.prices)}.00")
            await caller.change("basketRefresh", "", productRemoteIds=[number])
        elif kind == "save":
            payload = await caller.change("basketSave", "basket { id }", name=name)
            if payload["basket"]:
                self.drafts.append(payload["basket"]["id"])
        elif self.drafts:
            await caller.change("basketLoad", "", basketId=self.drafts.pop())

    async def check(self, document: str) -> None:
        """Compares what is remembered, and not modified, with what the other server reads."""
        remembering, plain = self.servers
        expected = (await self._read(plain, document, "POST")).content
        response = await self._read(
            remembering, document, "GET", self.tags.get(document, '"none"')
        )
        tag = response.headers.get("etag", "")
        if response.status_code == 304:
            assert tag == self.tags[document]
            assert self.bodies[document, tag] == expected
        else:
            assert response.status_code == 200
            assert response.content == expected
            # The division of the caller is never closed, so every response has a tag.
            assert self.bodies.setdefault((document, tag), expected) == expected
            self.tags[document] = tag
        assert (await self._read(remembering, document, "POST")).content == expected

    async def _read(
        self, caller: Caller, document: str, method: str, tag: str = ""
    ) -> httpx.Response:
        headers = {"Authorization": f"Token {caller.token}", "If-None-Match": tag}
        if document.startswith("/"):
            return await caller.client.get(document, headers=headers)
        if method == "POST":
            return await caller.client.post(
                "/graphql", json={"query": document}, headers=headers
            )
        return await caller.client.get(
            "/graphql", params={"query": document}, headers=headers
        )


Run = Callable[[Awaitable[None]], None]


async def open_readers(stack: AsyncExitStack, url: str, folder: Path) -> Readers:
    """Opens both servers on one database."""
    shop = await stack.enter_async_context(serve_shop())
    service = await stack.enter_async_context(
        serve(url, shop, str(folder / "exports"), response_cache_bytes=CACHE_BYTES)
    )
    plain = await stack.enter_async_context(
        serve_beside(service, url, response_cache_bytes=0, token_kept_seconds=0)
    )
    return Readers(service, plain)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["postgres", "sqlite"])
def test_bodies_that_differ_have_tags_that_differ(kind: str, tmp_path: Path) -> None:
    with asyncio.Runner() as loop:
        stack = AsyncExitStack()
        (url,) = databases(kind, tmp_path)
        readers = loop.run(open_readers(stack, url, tmp_path))

        # Each example goes on from where the last one ended: a tag is good for ever.
        @settings(
            max_examples=examples(12),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(st.tuples(CHANGES, READS), min_size=2, max_size=8))
        @example(ALL_DOCUMENTS)
        def run(steps: list[Step]) -> None:
            async def scenario() -> None:
                await readers.fill()
                for change, documents in steps:
                    await readers.change(*change)
                    for document in documents:
                        await readers.check(document)

            loop.run(scenario())

        try:
            run()
            assert len(readers.bodies) > 20
        finally:
            loop.run(stack.aclose())
