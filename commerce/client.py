"""The client of the Commerce API: products by remote id and by SKU."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias
from urllib.parse import quote_plus

from aiohttp import TraceConfig

from commerce.connection import Connection
from commerce.errors import CommerceFailed
from commerce.product import (
    CommerceProduct,
    UnsellableProduct,
    is_remote_id,
    is_sku,
    parse_product,
)

__all__ = ["CommerceClient", "CommerceFailed", "CommerceProduct", "UnsellableProduct"]

MAXIMUM_KEYS = 100
MAXIMUM_PAGES = 20
# Many servers reject addresses beyond 8,000 characters, and a hundred long SKUs have more.
MAXIMUM_KEYS_LENGTH = 6_000

_LIST = "api/v1/data-warehouse/products/"
_BY_ID, _BY_SKU = "pk__in", "sku__in"

AnyProduct: TypeAlias = CommerceProduct | UnsellableProduct


@dataclass(slots=True)
class PartialListing:
    """The products that could be read, and the keys whose requests failed, with the reason."""

    products: list[AnyProduct] = field(default_factory=list)
    failed_ids: set[str] = field(default_factory=set)
    failed_skus: set[str] = field(default_factory=set)
    reason: str = ""


class CommerceClient:
    """Reads products from Commerce; an async context manager round one HTTP session."""

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        timeout: float = 5.0,
        retries: int = 2,
        concurrency: int = 16,
        traces: Sequence[TraceConfig] = (),
        proxy: str = "",
        ca_file: str = "",
    ) -> None:
        self._connection = Connection(
            url,
            token=token,
            timeout=timeout,
            retries=retries,
            concurrency=concurrency,
            traces=traces,
            proxy=proxy,
            ca_file=ca_file,
        )
        self._concurrency = concurrency

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._connection.__aexit__(*exception)

    async def product(
        self, remote_id: int, *, segment_remote_id: int | None = None
    ) -> AnyProduct | None:
        """Returns the product as it is now; None when Commerce does not sell it by itself."""
        if not is_remote_id(remote_id):
            return None
        async with self._connection.deadline():
            content = await self._connection.read(
                f"product/{remote_id}/", _segment_query(segment_remote_id)
            )
        if content is None:
            return None
        if not isinstance(content, dict):
            raise CommerceFailed("Commerce described a product in an unknown shape.")
        product = parse_product(
            content.get("product"), any_in_stock=content.get("in_stock")
        )
        return product if product.remote_id == remote_id else None

    async def products(
        self,
        *,
        remote_ids: Collection[int] = (),
        skus: Collection[str] = (),
        segment_remote_id: int | None = None,
    ) -> list[AnyProduct]:
        """Returns the products that Commerce knows, ordered by remote id; raises CommerceFailed.

        One failing request fails the whole read, so that no product looks unknown by mistake.
        """
        segment = _segment_query(segment_remote_id)
        queries = iter(
            [
                {name: ",".join(keys)} | segment
                for name, keys in _create_queries(remote_ids, skus)
            ]
        )
        try:
            async with self._connection.deadline(), asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._read_lane(queries)) for _ in self._lanes()]
        except ExceptionGroup as failures:
            # Callers know CommerceFailed and no groups; the first failure has cancelled the others.
            raise failures.exceptions[0] from None
        found = (product for task in tasks for product in task.result())
        return _select_requested(found, set(remote_ids), set(skus))

    async def products_in_parts(
        self,
        *,
        remote_ids: Collection[int],
        skus: Collection[str],
        segment_remote_id: int | None,
    ) -> PartialListing:
        """Returns the products of the requests that succeed, and the keys of those that fail."""
        queries = dict(enumerate(_create_queries(remote_ids, skus)))
        pending, listing = iter(dict(queries).items()), PartialListing()
        segment = _segment_query(segment_remote_id)

        # Unlike that of `products`, a lane goes on after a failure.
        async def read_lane() -> None:
            for number, (name, keys) in pending:
                try:
                    query = {name: ",".join(keys)} | segment
                    listing.products += await self._read_pages(query)
                    del queries[number]
                except CommerceFailed as failure:
                    listing.reason = str(failure)

        try:
            async with self._connection.deadline(), asyncio.TaskGroup() as group:
                for _ in self._lanes():
                    group.create_task(read_lane())
        except CommerceFailed as failure:
            # The requests that were not answered until the deadline have failed too.
            listing.reason = str(failure)
        for name, keys in queries.values():
            (listing.failed_ids if name == _BY_ID else listing.failed_skus).update(keys)
        requested = set(remote_ids), set(skus)
        listing.products = _select_requested(listing.products, *requested)
        return listing

    def _lanes(self) -> range:
        # Half of the slots stay free, so that a long import does not delay a single addition.
        return range(max(1, self._concurrency // 2))

    async def _read_lane(self, queries: Iterator[dict[str, str]]) -> list[AnyProduct]:
        # The lanes share the iterator, so each takes the next query when it is free.
        return [product for query in queries for product in await self._read_pages(query)]

    async def _read_pages(self, query: dict[str, str]) -> list[AnyProduct]:
        products: list[AnyProduct] = []
        for page in range(1, MAXIMUM_PAGES + 1):
            # The address in `next` is not followed: it may lead to another host.
            paging = {"limit": str(MAXIMUM_KEYS), "page": str(page)}
            listing = _check_listing(await self._connection.read(_LIST, query | paging))
            products += [parse_product(product) for product in listing["results"]]
            if not listing.get("next"):
                return products
        raise CommerceFailed(
            f"Commerce listed more than {MAXIMUM_PAGES} pages for {MAXIMUM_KEYS} products."
        )


def _select_requested(
    products: Iterable[AnyProduct], remote_ids: set[int], skus: set[str]
) -> list[AnyProduct]:
    """Orders products by remote id, without those that Commerce lists though nobody asked."""
    by_id = {product.remote_id: product for product in products}
    return [
        product
        for _, product in sorted(by_id.items())
        if product.remote_id in remote_ids or product.sku in skus
    ]


def _segment_query(segment_remote_id: int | None) -> dict[str, str]:
    return {} if segment_remote_id is None else {"segment": str(segment_remote_id)}


def _check_listing(content: Any) -> dict[str, Any]:
    if content is None:
        raise CommerceFailed("Commerce has no list of products.")
    if not isinstance(content, dict) or not isinstance(content.get("results"), list):
        raise CommerceFailed("Commerce listed products in an unknown shape.")
    return content


def is_batchable(sku: str) -> bool:
    """Tells whether a SKU can be queried with others: a comma separates the SKUs of a query."""
    return "," not in sku


def _create_queries(
    remote_ids: Iterable[int], skus: Iterable[str]
) -> Iterator[tuple[str, list[str]]]:
    for batch in _split_batches(
        str(remote_id) for remote_id in dict.fromkeys(remote_ids) if is_remote_id(remote_id)
    ):
        yield _BY_ID, batch
    possible_skus = [sku for sku in dict.fromkeys(skus) if is_sku(sku)]
    for batch in _split_batches(filter(is_batchable, possible_skus)):
        yield _BY_SKU, batch
    # Alone, a SKU with a comma is found by a Commerce that also compares the whole text.
    yield from ((_BY_SKU, [sku]) for sku in possible_skus if not is_batchable(sku))


def _split_batches(keys: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    length = 0
    for key in keys:
        key_length = len(quote_plus(key)) + len(",")
        if batch and (
            len(batch) == MAXIMUM_KEYS or length + key_length > MAXIMUM_KEYS_LENGTH
        ):
            yield batch
            batch, length = [], 0
        batch.append(key)
        length += key_length
    if batch:
        yield batch
