"""Asking Commerce for products, and storing its answers."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import orjson

from commerce.errors import CommerceFailed
from commerce.product import CommerceProduct, UnsellableProduct
from models.database.columns import ColumnKind
from models.money import cents_from_amount
from models.product.tables import (
    DESCRIBED,
    KnownProduct,
    store_products,
    withdraw_products,
)
from models.rejections import Rejection, RejectionCode
from resolvers.context import Context

_UNASKED = "Commerce cannot be asked for products:"

STORED_AT_ONCE = 250
"""How many products are described and written before other buyers are answered."""


_STORED: Mapping[ColumnKind, Callable[[Any], Any]] = {
    ColumnKind.MONEY: cents_from_amount,
    ColumnKind.JSON: lambda value: orjson.dumps(value).decode(),
}
"""By kind of column, the function from Commerce's value to the stored one; others are equal."""

if missing := set(DESCRIBED.names) - {field.name for field in fields(CommerceProduct)}:
    raise TypeError(f"Commerce's products lack the columns {', '.join(sorted(missing))}.")


def description_from_commerce(product: CommerceProduct) -> dict[str, Any]:
    """Returns the columns of a product, by name, as they are stored."""
    return {
        name: _STORED.get(kind, lambda value: value)(getattr(product, name))
        for name, kind in DESCRIBED.kinds.items()
    }


async def ask_commerce(
    context: Context, segment: int, remote_ids: Collection[int], skus: Collection[str] = ()
) -> list[CommerceProduct | UnsellableProduct]:
    """Asks Commerce for products; unknown ones are absent. Raises COMMERCE_UNAVAILABLE."""
    commerce, segment_remote_id = context.commerce, segment or None
    try:
        if len(remote_ids) == 1 and not skus:
            (remote_id,) = remote_ids
            product = await commerce.product(remote_id, segment_remote_id=segment_remote_id)
            return [product] if product else []
        return await commerce.products(
            remote_ids=remote_ids, skus=skus, segment_remote_id=segment_remote_id
        )
    except CommerceFailed as failure:
        raise Rejection(
            RejectionCode.COMMERCE_UNAVAILABLE,
            f"{_UNASKED} {failure}",
        ) from failure


@dataclass(frozen=True, slots=True)
class ProductAnswers:
    """Commerce's answers: the products described, as stored, and those that cannot be sold.

    `failed` has the keys for which there is no answer, each with the reason.
    """

    stored: Sequence[KnownProduct]
    unsellable: Sequence[UnsellableProduct]
    failed: Mapping[int | str, str]


async def consult_commerce(
    context: Context,
    segment: int,
    remote_ids: Collection[int],
    skus: Collection[str] = (),
    *,
    in_parts: bool = False,
) -> ProductAnswers:
    """Asks Commerce for products and stores its answers, also that a product is no longer sold.

    Raises COMMERCE_UNAVAILABLE, unless the parts of the question may fail by themselves.
    """
    answers, failed = await _ask(context, segment, remote_ids, skus, in_parts=in_parts)
    stored = await _store(segment, answers)
    unsellable = [answer for answer in answers if isinstance(answer, UnsellableProduct)]
    described = {product.remote_id for product in stored}
    # Commerce does not know a remote id that it leaves out; if we do not either, no row changes.
    withdrawn = {product.remote_id for product in unsellable}.union(remote_ids) - described
    await withdraw_products(segment, withdrawn - failed.keys())
    return ProductAnswers(stored, unsellable, failed)


async def _ask(
    context: Context,
    segment: int,
    remote_ids: Collection[int],
    skus: Collection[str],
    *,
    in_parts: bool,
) -> tuple[Sequence[CommerceProduct | UnsellableProduct], Mapping[int | str, str]]:
    """Returns the answers, and the reasons for which keys have none."""
    # One product has an address of its own at Commerce, which cannot answer in parts.
    is_one = len(remote_ids) == 1 and not skus
    if in_parts and not is_one:
        return await _ask_in_parts(context, segment, remote_ids, skus)
    try:
        return await ask_commerce(context, segment, remote_ids, skus), {}
    except Rejection as rejection:
        if not in_parts:
            raise
        return (), dict.fromkeys(remote_ids, rejection.message)


async def _ask_in_parts(
    context: Context, segment: int, remote_ids: Collection[int], skus: Collection[str]
) -> tuple[Sequence[CommerceProduct | UnsellableProduct], Mapping[int | str, str]]:
    listing = await context.commerce.products_in_parts(
        remote_ids=remote_ids, skus=skus, segment_remote_id=segment or None
    )
    reason = f"{_UNASKED} {listing.reason}"
    failed = {int(text) for text in listing.failed_ids} | listing.failed_skus
    return listing.products, dict.fromkeys(failed, reason)


async def _store(
    segment: int, answers: Sequence[CommerceProduct | UnsellableProduct]
) -> list[KnownProduct]:
    stored: list[KnownProduct] = []
    for first in range(0, len(answers), STORED_AT_ONCE):
        part = answers[first : first + STORED_AT_ONCE]
        described = [
            description_from_commerce(answer)
            for answer in part
            if isinstance(answer, CommerceProduct)
        ]
        stored += await store_products(segment, described)
    return stored
