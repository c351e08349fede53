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
            f"Commerce cannot be asked for products: {failure}",
        ) from failure


@dataclass(frozen=True, slots=True)
class ProductAnswers:
    """Commerce's answers: the products described, as stored, and those that cannot be sold."""

    stored: Sequence[KnownProduct]
    unsellable: Sequence[UnsellableProduct]


async def consult_commerce(
    context: Context, segment: int, remote_ids: Collection[int], skus: Collection[str] = ()
) -> ProductAnswers:
    """Asks Commerce for products and stores its answers, also that a product is no longer sold.

    Raises COMMERCE_UNAVAILABLE.
    """
    answers = await ask_commerce(context, segment, remote_ids, skus)
    stored = await _store(segment, answers)
    unsellable = [answer for answer in answers if isinstance(answer, UnsellableProduct)]
    described = {product.remote_id for product in stored}
    # Commerce does not know a remote id that it leaves out; if we do not either, no row changes.
    withdrawn = {product.remote_id for product in unsellable}.union(remote_ids) - described
    await withdraw_products(segment, withdrawn)
    return ProductAnswers(stored, unsellable)


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
