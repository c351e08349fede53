"""Products of a basket that an input chooses by their remote ids."""

from collections.abc import Collection, Sequence

from models.rejections import Rejected, Rejection, RejectionCode


def check_chosen(chosen: Sequence[int], held: Collection[int], basket: str) -> None:
    """Rejects the chosen products that a basket, called by these words, does not hold."""
    rejections = [
        Rejection(
            RejectionCode.PRODUCT_NOT_IN_BASKET,
            f"Product {remote_id} is not in {basket}.",
            *("productRemoteIds", str(index)),
        )
        for index, remote_id in enumerate(chosen)
        if remote_id not in held
    ]
    if rejections:
        raise Rejected(rejections)
