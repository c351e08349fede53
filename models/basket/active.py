"""Reading the active basket, of which its state is enough where the contents are known."""

from collections.abc import Sequence

from models.basket.catalogue import Catalogue, LookUp
from models.basket.check import BasketChecks, Subject
from models.basket.contents_cache import ContentsKey, KnownContents
from models.basket.read import ACTIVE, Wants
from models.basket.rows import BasketRows, FullBasket


async def read_active(
    catalogue: Catalogue, checks: BasketChecks, wants: Wants, *, user_id: int, segment: int
) -> BasketRows:
    """Reads the active basket of a user and a segment with the parts that `wants` names."""
    if not wants.has_known_items:
        return await ACTIVE.read(catalogue, wants, user_id=user_id, segment=segment)
    key = ContentsKey(user_id, segment)
    if known := catalogue.contents.find(key):
        if basket := await _read_known(catalogue, checks, key, known):
            return BasketRows([basket], full=True)
    read = await ACTIVE.read(catalogue, wants, user_id=user_id, segment=segment)
    for basket in read.full_baskets():
        if contents := basket.contents():
            basket.known = catalogue.contents.store_read(key, contents)
    return read


async def _read_known(
    catalogue: Catalogue, checks: BasketChecks, key: ContentsKey, known: KnownContents
) -> FullBasket | None:
    """Returns the basket if it is still at the version that is known."""
    for *state, products, divisions in await checks.find(
        key.user_id, Subject(ACTIVE, key.segment, has_items=True)
    ):
        if state == known.contents.state:
            return await complete_known(catalogue, known, products, divisions)
    return None


async def complete_known(
    catalogue: Catalogue,
    known: KnownContents,
    products: Sequence[int],
    divisions: int,
) -> FullBasket | None:
    """Returns the basket of known contents at these revisions, those of products in their order.

    None when a product or division has changed since the revisions were read.
    """
    look_up = LookUp(catalogue)
    basket = FullBasket.from_contents(known, products, divisions, look_up)
    if not look_up.is_complete():
        await look_up.read_missing()
        basket = FullBasket.from_contents(known, products, divisions, look_up)
    return basket if look_up.is_complete() else None
