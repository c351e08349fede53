"""Products of a basket that an input chooses by their remote ids."""

from collections.abc import Collection, Sequence
from itertools import islice

from models.basket.tables import MAXIMUM_ITEMS
from models.rejections import MAXIMUM_REJECTIONS, Rejected, Rejection, RejectionCode

_FIELD = "productRemoteIds"


def check_chosen(chosen: Sequence[int], held: Collection[int], basket: str) -> None:
    """Rejects the chosen products that a basket, called by these words, does not hold.

    Raises INVALID_INPUT for more products than a basket may hold.
    """
    if len(chosen) > MAXIMUM_ITEMS:
        message = f"There are {len(chosen)} products; send at most {MAXIMUM_ITEMS}."
        raise Rejection(RejectionCode.INVALID_INPUT, message, _FIELD)
    missing = {
        index: remote_id for index, remote_id in enumerate(chosen) if remote_id not in held
    }
    if missing:
        raise Rejected(_rejections_of(missing, basket))


def _rejections_of(missing: dict[int, int], basket: str) -> list[Rejection]:
    """Returns a rejection of each of the first products, and one that counts all, if more."""
    code = RejectionCode.PRODUCT_NOT_IN_BASKET
    rejections = [
        Rejection(code, f"Product {remote_id} is not in {basket}.", _FIELD, str(index))
        for index, remote_id in islice(missing.items(), MAXIMUM_REJECTIONS)
    ]
    if len(missing) > len(rejections):
        count = f"{len(missing)} of the products are not in {basket}"
        message = f"{count}; only the first {len(rejections)} are named."
        rejections.append(Rejection(code, message, _FIELD))
    return rejections
