"""The check of quantities to set, by itself: in a basket of very many parts."""

from collections.abc import Iterable

import pytest

from models.basket.lock import LockedBasket
from models.division import DivisionRead, DivisionType
from models.product.tables import KnownProduct
from resolvers.item_lines import ItemLine
from resolvers.setting_check import SettingCheck, parts_to_remove

DIVISION = DivisionRead(1, "A", "A", DivisionType.MAIN, True, None)


def settings_of(products: Iterable[int]) -> list[ItemLine]:
    """Returns lines that set two pieces of each of these products."""
    return [
        ItemLine(
            index=index,
            remote_id=product,
            sku="A",
            division=DIVISION,
            quantity=2,
            known=KnownProduct(product, product, "A", "try", True, True, True, True, False),
            product=KnownProduct(
                product, product, "A", "try", True, True, True, True, False
            ),
            found=DIVISION,
            target=DIVISION,
            has_quantity=True,
        )
        for index, product in enumerate(products)
    ]


@pytest.mark.parametrize("is_strict", [True, False])
def test_the_time_of_a_check_grows_with_the_parts_and_not_with_their_square(
    is_strict: bool,
) -> None:
    # Compared with each other, so many parts would take an hour.
    held = {(product, 1): 1 for product in range(300_000)}
    lines = settings_of(range(-1_000, 1_000))
    removed = parts_to_remove(held, lines)
    assert removed == [(product, 1) for product in range(1_000, 300_000)]
    basket = LockedBasket(1, 0, 1, 300_000, 300_000, 300_000, "try")
    check = SettingCheck(lines, basket, held, removed)
    assert check.check(is_strict=is_strict) == []
    assert [line.rejections for line in lines] == [[]] * 2_000
    assert len(check.changes(range(2_000))) == 2_000 + 299_000
