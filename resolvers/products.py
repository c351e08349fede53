"""Finding products: in our table when they are known and fresh, otherwise by asking Commerce."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

import settings
from commerce.errors import CommerceFailed
from commerce.product import CommerceProduct, UnsellableProduct
from models.errors import CommerceUnavailable, ProductNotFound, ProductUnavailable, Refusal, Refused
from models.money import cents_of
from models.product import NO_SEGMENT, KnownProduct, ProductDescription, keep_products, known_products
from models.statement import now
from resolvers.context import Context

ProductKey = int | str
"""A remote id or a SKU."""

KEPT_AT_ONCE = 250
"""How many products are described and written before other buyers are answered."""


def description_of(product: CommerceProduct) -> ProductDescription:
    """Turns what Commerce says into what we keep."""
    return ProductDescription(
        remote_id=product.remote_id,
        sku=product.sku,
        name=product.name,
        price=cents_of(product.price),
        currency=product.currency,
        variants=orjson.dumps(product.variants).decode(),
        product_image=product.product_image,
        in_stock=product.in_stock,
        is_available=product.is_available,
    )


async def ask_commerce(
    context: Context, segment: int, remote_ids: Collection[int], skus: Collection[str] = ()
) -> list[CommerceProduct | UnsellableProduct]:
    """Asks Commerce for products; unknown ones are absent. Raises CommerceUnavailable."""
    commerce, segment_remote_id = context.commerce, segment or None
    try:
        if len(remote_ids) == 1 and not skus:
            (remote_id,) = remote_ids
            product = await commerce.product(remote_id, segment_remote_id=segment_remote_id)
            return [product] if product else []
        return await commerce.products(remote_ids=remote_ids, skus=skus, segment_remote_id=segment_remote_id)
    except CommerceFailed as failure:
        raise CommerceUnavailable(f"Commerce cannot be asked for products: {failure}") from failure


def confirmed_since() -> datetime:
    """Returns since when Commerce must have confirmed a product for it to be added as it is known."""
    return now() - timedelta(seconds=settings.PRODUCT_MAXIMUM_AGE_SECONDS)


def _by_key(products: Collection[KnownProduct]) -> dict[ProductKey, KnownProduct]:
    by_remote_id: dict[ProductKey, KnownProduct] = {product.remote_id: product for product in products}
    return by_remote_id | {product.sku: product for product in products}


def _split(keys: Collection[ProductKey]) -> tuple[list[int], list[str]]:
    remote_ids = sorted({key for key in keys if isinstance(key, int)})
    return remote_ids, sorted({key for key in keys if isinstance(key, str)})


@dataclass(frozen=True, slots=True)
class Found:
    """Products by key, and for those that cannot be sold the reason."""

    products: Mapping[ProductKey, KnownProduct]
    reasons: Mapping[ProductKey, str]

    def check(self, key: ProductKey, *field: str) -> KnownProduct:
        """Returns a product that can be added; raises ProductNotFound or ProductUnavailable."""
        product = self.products.get(key)
        if product is None or key in self.reasons or not (product.is_available or product.is_in_basket):
            raise self._refusal(key, *field)
        return product

    def _refusal(self, key: ProductKey, *field: str) -> Refusal:
        named = f"Product {key}" if isinstance(key, int) else f"The product with SKU {key}"
        if key in self.reasons:
            return ProductUnavailable(f"{named} cannot be sold: {self.reasons[key]}", *field)
        if key not in self.products:
            return ProductNotFound(f"{named} is not known to Commerce.", *field)
        return ProductUnavailable(f"{named} is not for sale now.", *field)

    def confirmed(self) -> set[int]:
        """Returns the ids of the products that may enter the basket as they are known."""
        return {
            product.id
            for product in self.products.values()
            if product.is_available and (product.is_fresh or not product.is_in_basket)
        }


async def look_up_products(context: Context, segment: int, keys: Collection[ProductKey]) -> Found:
    """Looks products up: those of the active basket as they are known, others fresh from Commerce.

    Raises CommerceUnavailable.
    """
    known = await known_products(context.buyer.id, segment, *_split(keys), confirmed_since())
    found = _by_key([product for product in known if product.is_fresh or product.is_in_basket])
    reasons: dict[ProductKey, str] = {}
    if missing := [key for key in keys if key not in found]:
        answers = await ask_commerce(context, segment, *_split(missing))
        found |= _by_key(await _kept(segment, answers))
        unsellable = [answer for answer in answers if isinstance(answer, UnsellableProduct)]
        reasons = {key: product.reason for product in unsellable for key in (product.remote_id, product.sku)}
    return Found(found, reasons)


async def _kept(segment: int, answers: Sequence[CommerceProduct | UnsellableProduct]) -> list[KnownProduct]:
    kept: list[KnownProduct] = []
    for first in range(0, len(answers), KEPT_AT_ONCE):
        part = answers[first : first + KEPT_AT_ONCE]
        described = [description_of(answer) for answer in part if isinstance(answer, CommerceProduct)]
        kept += await keep_products(segment, described)
    return kept


async def find_products(context: Context, segment: int, wanted: Mapping[tuple[str, ...], ProductKey]) -> Found:
    """Finds every wanted product; `wanted` says for each place in the input which product it names.

    Raises ProductNotFound and ProductUnavailable, one refusal a place, and CommerceUnavailable.
    """
    found = await look_up_products(context, segment, set(wanted.values()))
    refusals: list[Refusal] = []
    for field, key in wanted.items():
        try:
            found.check(key, *field)
        except Refusal as refusal:
            refusals.append(refusal)
    if refusals:
        raise Refused(refusals)
    return found


async def is_known(context: Context, key: ProductKey) -> bool:
    """Makes sure that our row of a product without a segment is fresh; tells whether Commerce knows the product."""
    known = await known_products(context.buyer.id, NO_SEGMENT, *_split([key]), confirmed_since())
    if any(product.is_fresh for product in known):
        return True
    return bool(await _kept(NO_SEGMENT, await ask_commerce(context, NO_SEGMENT, *_split([key]))))
