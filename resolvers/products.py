"""Finding products: in our table when known and fresh, otherwise by asking Commerce."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from commerce.client import is_batchable
from models.product.tables import Confirmed, KnownProduct, known_products
from models.rejections import Rejected, Rejection, RejectionCode
from models.timestamps import now
from resolvers.commerce_products import consult_commerce
from resolvers.context import Context, Policy
from text import trim

ProductKey = int | str
"""A remote id or a SKU."""


def find_confirmed(policy: Policy) -> Confirmed:
    """Returns the oldest confirmations by Commerce that still need no call to it."""
    timestamp = now()
    return Confirmed(timestamp - policy.product_age, timestamp - policy.sku_age)


def _by_key(products: Iterable[KnownProduct]) -> dict[ProductKey, KnownProduct]:
    """Maps remote ids and SKUs to products; of two with the same SKU the later one counts."""
    each = list(products)
    by_remote_id: dict[ProductKey, KnownProduct] = {
        product.remote_id: product for product in each
    }
    return by_remote_id | {product.sku: product for product in each if product.owns_sku}


def _split(keys: Iterable[ProductKey]) -> tuple[list[int], list[str]]:
    remote_ids, skus = set[int](), set[str]()
    for key in keys:
        if isinstance(key, int):
            remote_ids.add(key)
        else:
            skus.add(key)
    return sorted(remote_ids), sorted(skus)


@dataclass(frozen=True, slots=True)
class Found:
    """Products by key, and for those that cannot be sold the reason.

    `failed` has the keys that Commerce could not be asked for, where parts of the question may
    fail, and `rows` all products by key as they are known, also those not sold.
    """

    products: Mapping[ProductKey, KnownProduct]
    reasons: Mapping[ProductKey, str]
    failed: Mapping[ProductKey, str]
    rows: Mapping[ProductKey, KnownProduct]

    def check(self, key: ProductKey, *field: str) -> KnownProduct:
        """Returns a product that can be added; raises the rejection of any other.

        That is PRODUCT_NOT_FOUND, PRODUCT_UNAVAILABLE, or COMMERCE_UNAVAILABLE.
        """
        product = self.products.get(key)
        if key in self.failed:
            code = RejectionCode.COMMERCE_UNAVAILABLE
            raise Rejection(code, self.failed[key], *field)
        if product is None or key in self.reasons or not product.is_available:
            raise self._rejection(key, *field)
        return product

    def _rejection(self, key: ProductKey, *field: str) -> Rejection:
        named = f"Product {key}" if isinstance(key, int) else f"The product with SKU {key}"
        if key in self.reasons:
            return Rejection(
                RejectionCode.PRODUCT_UNAVAILABLE,
                f"{named} cannot be sold: {self.reasons[key]}",
                *field,
            )
        if key not in self.products:
            return Rejection(
                RejectionCode.PRODUCT_NOT_FOUND, f"{named} {_unknown(key)}", *field
            )
        return Rejection(
            RejectionCode.PRODUCT_UNAVAILABLE, f"{named} is not for sale now.", *field
        )

    def check_askable(self, key: ProductKey, *field: str) -> None:
        """Raises INVALID_INPUT for a SKU that Commerce takes for several ones."""
        if isinstance(key, str) and not is_batchable(key):
            raise Rejection(
                RejectionCode.INVALID_INPUT,
                f"The product with SKU {key} {_unknown(key)}",
                *field,
            )

    def unasked(self) -> list[Rejection]:
        """Returns the one rejection of an input for which Commerce could not be asked, if so."""
        reasons = list(self.failed.values())[:1]
        return [Rejection(RejectionCode.COMMERCE_UNAVAILABLE, each) for each in reasons]

    def confirmed(self) -> set[int]:
        """Returns the ids of the products that may enter the basket as they are known."""
        return {
            product.id
            for product in self.products.values()
            if product.is_available and (product.is_fresh or not product.is_in_basket)
        }


def _unknown(key: ProductKey) -> str:
    if isinstance(key, str) and not is_batchable(key):
        reason = "Commerce takes the comma for two SKUs"
        return f"was not found: {reason}. Name it by its remote id once."
    return "is not known to Commerce."


async def look_up_products(
    context: Context,
    segment: int,
    keys: Collection[ProductKey],
    *,
    only_fresh: bool = False,
    in_parts: bool = False,
) -> Found:
    """Looks products up: known ones in our table, others, and those known too long, at Commerce.

    A product of the active basket is taken as it is known, unless `only_fresh`; one that is named
    by its SKU, which may have moved to another product, only for a short time. A SKU is matched as
    it is, and only if there is none such, without the spaces around it.

    Raises COMMERCE_UNAVAILABLE; `in_parts` the keys of the requests that failed are in the result.
    """
    look_up = ProductLookUp(
        context, segment, keys, only_fresh=only_fresh, in_parts=in_parts
    )
    await look_up.read_known()
    if look_up.missing():
        await look_up.ask()
    return look_up.found()


async def look_up_known(
    context: Context, segment: int, keys: Collection[ProductKey]
) -> Found:
    """Looks products up in our table alone, however long ago Commerce confirmed them."""
    look_up = ProductLookUp(context, segment, keys, only_fresh=False, in_parts=False)
    await look_up.read_known()
    return look_up.found()


class ProductLookUp:
    """One look-up of products by their keys."""

    def __init__(
        self,
        context: Context,
        segment: int,
        keys: Collection[ProductKey],
        *,
        only_fresh: bool,
        in_parts: bool,
    ) -> None:
        self.in_parts = in_parts
        self.context = context
        self.segment = segment
        self.keys = keys
        self.only_fresh = only_fresh
        texts = [(key, trim(key)) for key in keys if isinstance(key, str)]
        self.trimmed = {key: without for key, without in texts if without != key}
        self.known: Sequence[KnownProduct] = []
        self.products: dict[ProductKey, KnownProduct] = {}
        self.reasons: dict[ProductKey, str] = {}
        self.failed: dict[ProductKey, str] = {}

    async def read_known(self) -> None:
        """Reads the products that are known, and takes those that need no asking."""
        keys = _split([*self.keys, *self.trimmed.values()])
        buyer_id, confirmed = self.context.buyer.id, find_confirmed(self.context.policy)
        self.known = await known_products(buyer_id, self.segment, *keys, confirmed)
        usable = self._usable()
        self.products = {each.remote_id: each for each in usable}
        self.products |= _by_key(each for each in usable if each.is_sku_fresh)

    def _usable(self) -> list[KnownProduct]:
        """Returns the products that are taken as they are known, the latest confirmed last.

        Those named by their SKUs only while Commerce cannot be asked, unless their SKUs are fresh.
        """
        if self.only_fresh:
            return [each for each in self.known if each.is_fresh and each.is_available]
        held = [each for each in self.known if each.is_in_basket and each.is_available]
        return [*held, *(each for each in self.known if each.is_fresh)]

    def missing(self) -> list[ProductKey]:
        """Returns the keys for which there is no product yet."""
        return [key for key in self.keys if key not in self.products]

    async def ask(self) -> None:
        """Asks Commerce for the missing ones.

        Products named by a SKU that was confirmed too long ago are taken as they are known while
        Commerce cannot be asked, as those named by remote id are.
        """
        missing = self.missing()
        without_spaces = [self.trimmed[key] for key in missing if key in self.trimmed]
        more = [key for key in without_spaces if key not in self.products]
        try:
            await self._consult(*_split([*missing, *more]))
            await self._ask_by_remote_id(missing)
            if self.failed:
                self._take_usable()
        except Rejection as rejection:
            if rejection.code is not RejectionCode.COMMERCE_UNAVAILABLE:
                raise
            usable = _by_key(self._usable())
            if not usable.keys() >= set(self.missing()):
                raise
            self.products = usable | self.products

    def _take_usable(self) -> None:
        """Takes products as they are known where their part of the question failed."""
        for key, product in _by_key(self._usable()).items():
            if self.failed.pop(key, None):
                self.products[key] = product

    async def _ask_by_remote_id(self, missing: Sequence[ProductKey]) -> None:
        """Asks for known products by their remote ids when Commerce did not find them by SKU.

        It no longer sells them, or under another SKU, or cannot be asked for such a SKU.
        """
        unanswered = {
            key
            for key in missing
            if isinstance(key, str) and key not in self.products and key not in self.failed
        }
        known = {each.remote_id: each for each in self.known if each.sku in unanswered}
        # Remote ids among the missing keys were asked for already.
        if remote_ids := known.keys() - set(missing):
            await self._consult(sorted(remote_ids))
            self.failed |= {
                known[each].sku: self.failed[each]
                for each in remote_ids
                if each in self.failed
            }

    async def _consult(self, remote_ids: Sequence[int], skus: Sequence[str] = ()) -> None:
        answers = await consult_commerce(
            self.context, self.segment, remote_ids, skus, in_parts=self.in_parts
        )
        self.failed |= answers.failed
        self.products |= _by_key(answers.stored)
        for product in answers.unsellable:
            self.reasons |= {product.remote_id: product.reason, product.sku: product.reason}

    def found(self) -> Found:
        """Returns the products by the keys that were asked for, and the reasons against others."""
        for key, other in self.trimmed.items():
            if key in self.products or key in self.reasons or key in self.failed:
                continue
            if other in self.failed:
                self.failed[key] = self.failed[other]
            elif other in self.reasons:
                self.reasons[key] = self.reasons[other]
            elif other in self.products:
                self.products[key] = self.products[other]
        return Found(self.products, self.reasons, self.failed, self._rows())

    def _rows(self) -> dict[ProductKey, KnownProduct]:
        rows = _by_key(self.known) | self.products
        without_spaces = {
            key: rows[other] for key, other in self.trimmed.items() if other in rows
        }
        return without_spaces | rows


async def find_products(
    context: Context, segment: int, wanted: Mapping[tuple[str, ...], ProductKey]
) -> Found:
    """Finds products; `wanted` maps paths of the input to the products that they name.

    Raises PRODUCT_NOT_FOUND and PRODUCT_UNAVAILABLE, one rejection per path, and
    COMMERCE_UNAVAILABLE.
    """
    found = await look_up_products(context, segment, set(wanted.values()))
    rejections: list[Rejection] = []
    for field, key in wanted.items():
        try:
            found.check(key, *field)
        except Rejection as rejection:
            rejections.append(rejection)
    if rejections:
        raise Rejected(rejections)
    return found
