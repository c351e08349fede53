"""The demo Commerce server: answers as the real one does, from a catalogue of its own."""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from aiohttp import web
from yarl import URL

from commerce.catalogue import CHANGING_REMOTE_ID, CatalogueEntry, catalogue

MAXIMUM_PAGE_SIZE = 100
MAXIMUM_DISCOUNT = 30

_CENT = Decimal("0.01")

Clock = Callable[[], float]

_clock: web.AppKey[Clock] = web.AppKey("clock")


def create_demo(*, clock: Clock = time.time) -> web.Application:
    """Returns the demo server; its clock, in seconds, moves the one price that changes."""
    application = web.Application()
    application[_clock] = clock
    application.router.add_get(r"/product/{pk:[0-9]{1,18}}/", _respond_product)
    application.router.add_get("/api/v1/data-warehouse/products/", _respond_products)
    return application


@asynccontextmanager
async def serve_demo(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serves the demo, by default on a free port, and yields its base address."""
    runner = web.AppRunner(create_demo(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield str(URL.build(scheme="http", host=host, port=runner.addresses[0][1]))
    finally:
        await runner.cleanup()


async def _respond_product(request: web.Request) -> web.Response:
    entry = catalogue().get(_parse_whole_number(request.match_info["pk"]))
    if entry is None:
        return _detail_response("Not found.", status=404)
    if entry.parent_remote_id is not None:
        raise web.HTTPFound(f"/product/{entry.parent_remote_id}/")
    description = _describe(entry, request)
    return web.json_response(
        {
            "in_stock": description["in_stock"] or entry.sibling_in_stock,
            "product": description,
            "variants": [],
            "selected_variant": None,
            "offers": [],
        }
    )


async def _respond_products(request: web.Request) -> web.Response:
    selected = list(_select(request))
    limit = min(
        _parse_parameter(request, "limit", default=MAXIMUM_PAGE_SIZE), MAXIMUM_PAGE_SIZE
    )
    page = _parse_parameter(request, "page", default=1)
    first, last = (page - 1) * limit, page * limit
    if first >= len(selected) and page > 1:
        return _detail_response("Invalid page.", status=404)
    return web.json_response(
        {
            "count": len(selected),
            "next": _page_address(request, page + 1) if last < len(selected) else None,
            "previous": _page_address(request, page - 1) if page > 1 else None,
            "results": [_describe(entry, request) for entry in selected[first:last]],
        }
    )


def _select(request: web.Request) -> Iterable[CatalogueEntry]:
    # A product that redirects to its parent is not sold by itself, and so is not listed.
    entries: Iterable[CatalogueEntry] = (
        entry for entry in catalogue().values() if entry.parent_remote_id is None
    )
    if "sku__in" in request.query:
        skus = set(_parse_keys(request, "sku__in"))
        entries = (entry for entry in entries if entry.sku in skus)
    if "pk__in" in request.query:
        remote_ids = {_parse_whole_number(key) for key in _parse_keys(request, "pk__in")}
        entries = (entry for entry in entries if entry.remote_id in remote_ids)
    return entries


def _parse_keys(request: web.Request, name: str) -> list[str]:
    keys = request.query[name].split(",")
    if len(keys) > MAXIMUM_PAGE_SIZE:
        raise _rejection(f"{name} takes at most {MAXIMUM_PAGE_SIZE} values.")
    return keys


def _parse_parameter(request: web.Request, name: str, *, default: int) -> int:
    number = _parse_whole_number(request.query.get(name, str(default)))
    if number < 1:
        raise _rejection(f"{name} must be a whole number of at least 1.")
    return number


def _parse_whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise _rejection(f"{text!r} is no whole number.")
    return int(text)


def _page_address(request: web.Request, page: int) -> str:
    return str(request.url.update_query(page=str(page)))


def _describe(entry: CatalogueEntry, request: web.Request) -> dict[str, Any]:
    retail_price = _find_price(entry, request.app[_clock]())
    return {
        "pk": entry.remote_id,
        "sku": entry.sku,
        "name": entry.name,
        "base_code": entry.sku.rsplit("-", 1)[0],
        "price": str(
            _segment_price(
                retail_price, _parse_whole_number(request.query.get("segment", "0"))
            )
        ),
        "retail_price": str(retail_price),
        "currency_type": entry.currency,
        "in_stock": entry.stock > 0,
        "stock": entry.stock,
        "is_ready_to_basket": entry.is_ready,
        "attributes": entry.attributes,
        "productimage_set": _describe_images(entry),
        "product_type": entry.department,
    }


def _describe_images(entry: CatalogueEntry) -> list[dict[str, Any]]:
    return [
        {"image": image, "order": order, "status": "active"}
        for order, image in enumerate(entry.images)
    ]


def _find_price(entry: CatalogueEntry, now: float) -> Decimal:
    minute = int(now // 60) % 60
    return (
        entry.price + (minute * 5 * _CENT if entry.remote_id == CHANGING_REMOTE_ID else 0)
    ).quantize(_CENT)


def _segment_price(price: Decimal, segment: int) -> Decimal:
    percent = 100 - min(segment, MAXIMUM_DISCOUNT)
    return (price * percent / 100).quantize(_CENT, ROUND_HALF_UP)


def _detail_response(text: str, *, status: int) -> web.Response:
    return web.json_response({"detail": text}, status=status)


def _rejection(text: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(
        text=json.dumps({"detail": text}), content_type="application/json"
    )
