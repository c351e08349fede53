"""The JSON of the items of a basket, kept between answers where the basket is known."""

from collections.abc import Callable
from typing import cast

from models.basket.rows import FullBasket


def complete_texts(
    basket: FullBasket, selection: object, write: Callable[[FullBasket], list[str]]
) -> list[str]:
    """Returns the JSON of each item; only that of items that have changed is written anew."""
    known, revisions = basket.known, basket.revisions
    if known is None or revisions is None:
        return write(basket)
    texts = known.find_texts(selection, revisions) or [None] * len(basket.item_ids)
    missing = [index for index, text in enumerate(texts) if text is None]
    if missing:
        written = write(basket.pick(missing))
        for index, text in zip(missing, written, strict=True):
            texts[index] = text
    known.store_texts(selection, texts, revisions)
    return cast(list[str], texts)
