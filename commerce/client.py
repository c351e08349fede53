"""The client of the Commerce API: products by remote id and by SKU."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
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
# A hundred long SKUs would make an address that servers reject: many of them end at 8,000 characters.
MAXIMUM_KEYS_LENGTH = 6_000

_LIST = "api/v1/data-warehouse/products/"

AnyProduct: TypeAlias = CommerceProduct | UnsellableProduct


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
        """Return the product as Commerce describes it now, or None if Commerce does not sell it by itself."""
        if not is_remote_id(remote_id):
            return None
        async with self._connection.deadline():
            answer = await self._connection.read(
                f"product/{remote_id}/", _segment(segment_remote_id)
            )
        if answer is None:
            return None
        if not isinstance(answer, dict):
            raise CommerceFailed("Commerce described a product in an unknown shape.")
        product = parse_product(answer.get("product"), any_in_stock=answer.get("in_stock"))
        return product if product.remote_id == remote_id else None

    async def products(
        self,
        *,
        remote_ids: Collection[int] = (),
        skus: Collection[str] = (),
        segment_remote_id: int | None = None,
    ) -> list[AnyProduct]:
        """Return the products that Commerce knows, each once, in the order of their remote ids; all or nothing."""
        segment = _segment(segment_remote_id)
        questions = iter(
            [{name: keys} | segment for name, keys in _questions(remote_ids, skus)]
        )
        # One read takes half of the slots at most, so that a long import leaves room for a buyer who adds one product.
        lanes = range(max(1, self._concurrency // 2))
        try:
            async with self._connection.deadline(), asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._lane(questions)) for _ in lanes]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        found = {product.remote_id: product for task in tasks for product in task.result()}
        asked_ids, asked_skus = set(remote_ids), set(skus)
        known = [
            each
            for each in found.values()
            if each.remote_id in asked_ids or each.sku in asked_skus
        ]
        return sorted(known, key=lambda each: each.remote_id)

    async def _lane(self, questions: Iterator[dict[str, str]]) -> list[AnyProduct]:
        # All lanes take from the same iterator: a lane that fails starts no other question.
        return [
            product for question in questions for product in await self._pages(question)
        ]

    async def _pages(self, question: dict[str, str]) -> list[AnyProduct]:
        products: list[AnyProduct] = []
        for page in range(1, MAXIMUM_PAGES + 1):
            # The address in `next` is not followed: it may lead to another host.
            paging = {"limit": str(MAXIMUM_KEYS), "page": str(page)}
            listing = _listing(await self._connection.read(_LIST, question | paging))
            products += [parse_product(product) for product in listing["results"]]
            if not listing.get("next"):
                return products
        raise CommerceFailed(
            f"Commerce listed more than {MAXIMUM_PAGES} pages for {MAXIMUM_KEYS} products."
        )


def _segment(segment_remote_id: int | None) -> dict[str, str]:
    return {} if segment_remote_id is None else {"segment": str(segment_remote_id)}


def _listing(answer: Any) -> dict[str, Any]:
    if answer is None:
        raise CommerceFailed("Commerce has no list of products.")
    if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
        raise CommerceFailed("Commerce listed products in an unknown shape.")
    return answer


def is_askable(sku: str) -> bool:
    """Whether a SKU can be asked for among others: a comma separates the SKUs of a question."""
    return "," not in sku


def _questions(remote_ids: Iterable[int], skus: Iterable[str]) -> Iterator[tuple[str, str]]:
    for batch in _batches(
        str(remote_id) for remote_id in dict.fromkeys(remote_ids) if is_remote_id(remote_id)
    ):
        yield "pk__in", ",".join(batch)
    each = [sku for sku in dict.fromkeys(skus) if is_sku(sku)]
    for batch in _batches(filter(is_askable, each)):
        yield "sku__in", ",".join(batch)
    # Asked for alone, one with a comma is found by a Commerce that compares the whole text too.
    yield from (("sku__in", sku) for sku in each if not is_askable(sku))


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
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
