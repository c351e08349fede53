"""A Commerce server on loopback with a small catalogue that a test may change: real HTTP, and every request counted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.support.misbehaving_commerce import product_json


@dataclass
class Shop:
    """The catalogue by remote id, how the shop answers and when, and the requests it got.

    Where it has a gate, it answers once that is open. One that compares whole texts finds a SKU
    with a comma that is asked for alone.
    """

    url: str = ""
    products: dict[int, dict[str, Any]] = field(default_factory=dict)
    is_down: bool = False
    is_gone: bool = False
    compares_whole_texts: bool = True
    delay: float = 0.0
    gate: asyncio.Event | None = None
    requests: list[str] = field(default_factory=list)

    def sell(self, pk: int, price: str, **changes: Any) -> None:
        """Puts a product on sale, or changes it."""
        sku = f"SKU{pk:02d}"
        self.products[pk] = product_json(pk=pk, price=price, **({"sku": sku} | changes))

    def _described(self, pk: int, request: web.Request) -> dict[str, Any]:
        segment = request.query.get("segment")
        product = self.products[pk]
        return (
            product | {"price": product["segment_price"]}
            if segment and "segment_price" in product
            else product
        )

    async def _wait(self, request: web.Request) -> None:
        """Keeps whoever asks waiting; breaks the connection off when the shop is gone."""
        await asyncio.sleep(self.delay)
        if self.gate:
            await self.gate.wait()
        if self.is_gone and request.transport is not None:
            request.transport.abort()

    async def one(self, request: web.Request) -> web.Response:
        self.requests.append(request.path_qs)
        await self._wait(request)
        pk = int(request.match_info["pk"])
        if self.is_down:
            return web.Response(status=503)
        if pk not in self.products:
            return web.json_response({"detail": "Not found."}, status=404)
        return web.json_response(
            {"in_stock": True, "product": self._described(pk, request)}
        )

    async def many(self, request: web.Request) -> web.Response:
        self.requests.append(request.path_qs)
        await self._wait(request)
        if self.is_down:
            return web.Response(status=503)
        asked = request.query.get("sku__in", "")
        skus = [*asked.split(","), *([asked] if self.compares_whole_texts else [])]
        pks = request.query.get("pk__in", "").split(",")
        found = [
            self._described(pk, request)
            for pk, product in self.products.items()
            if product["sku"] in skus or str(pk) in pks
        ]
        return web.json_response(
            {"count": len(found), "next": None, "previous": None, "results": found}
        )


@asynccontextmanager
async def serve_shop() -> AsyncIterator[Shop]:
    """Opens a shop that sells the three products of the documented example, and a few more."""
    shop = Shop()
    shop.sell(1, "10.55")
    shop.sell(2, "20.00")
    shop.sell(3, "10.00")
    shop.sell(4, "7.00", segment_price="6.30")
    shop.sell(5, "3.00", currency_type="eur")
    shop.sell(6, "5.00", is_ready_to_basket=False)
    shop.sell(7, "1.005")
    application = web.Application()
    application.router.add_get("/product/{pk}/", shop.one)
    application.router.add_get("/api/v1/data-warehouse/products/", shop.many)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        shop.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield shop
    finally:
        await runner.cleanup()
