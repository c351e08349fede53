"""The contents of baskets kept in memory: how changes make the next ones, and their bound."""

import tracemalloc
from typing import Any

from models.basket.contents import Contents, ItemTexts, Revisions
from models.basket.contents_cache import ContentsCache, ContentsKey

KEY = ContentsKey(1, 0)
NAMES = ("item_ids", "prices", "product_ids", "part_divisions", "part_quantities")


def contents(version: int = 1, items: int = 2, basket: int = 5) -> Contents:
    """Returns contents of a basket with as many items, each for divisions 7 and 8."""
    ids = [10 * number for number in range(1, items + 1)]
    return Contents.of(
        {"id": basket, "version": version, "updated_at": f"2026-11-26T0{version}:00:00"},
        ids,
        [100] * items,
        [number + 1 for number in ids],
        [number for number in ids for _ in (7, 8)],
        [7, 8] * items,
        [1, 2] * items,
    )


def changed(*entries: tuple[int, int, int, int, int]) -> Contents:
    """Returns contents after a change with these entries."""
    columns = {"id": 5, "version": 2, "updated_at": "2026-11-26T02:00:00"}
    row: Any = dict(zip(NAMES, map(list, zip(*entries, strict=True)), strict=True))
    before = contents()
    before.texts = ItemTexts("selection", ("ten", "twenty"), (1, 2), 3)
    after = before.changed(columns, row)
    # Its lists are in use elsewhere.
    assert before.texts.texts == ("ten", "twenty")
    before.texts = None
    assert before == contents()
    return after


def parts(of: Contents) -> list[tuple[int, int, int]]:
    """Returns item, division and quantity of each part."""
    return list(zip(of.part_items, of.part_divisions, of.part_quantities, strict=True))


def test_a_quantity_is_set_in_its_place() -> None:
    after = changed((10, 100, 11, 8, 9))
    assert after.state == [5, 2, "2026-11-26T02:00:00"]
    assert parts(after) == [(10, 7, 1), (10, 8, 9), (20, 7, 1), (20, 8, 2)]
    assert (list(after.item_ids), list(after.product_ids)) == ([10, 20], [11, 21])
    assert after.texts == ItemTexts("selection", (None, "twenty"), (1, 2), 3)


def test_a_new_division_is_the_last_of_its_item() -> None:
    after = changed((10, 100, 11, 6, 3), (10, 100, 11, 5, 4))
    assert parts(after)[:4] == [(10, 7, 1), (10, 8, 2), (10, 6, 3), (10, 5, 4)]
    assert len(after.part_items) == 6


def test_new_items_stand_in_the_order_of_their_ids() -> None:
    after = changed((30, 50, 4, 7, 1), (15, 60, 9, 7, 2), (30, 50, 4, 8, 5))
    assert list(after.item_ids) == [10, 15, 20, 30]
    assert list(after.prices) == [100, 60, 100, 50]
    assert list(after.product_ids) == [11, 9, 21, 4]
    assert parts(after)[2:3] + parts(after)[5:] == [(15, 7, 2), (30, 7, 1), (30, 8, 5)]
    expected = ("ten", None, "twenty", None)
    assert after.texts == ItemTexts("selection", expected, (1, None, 2, None), 3)


def test_texts_are_good_for_their_revisions_alone() -> None:
    texts = ItemTexts("selection", ("ten", "twenty"), (1, 2), 3)
    assert texts.find("selection", Revisions([11, 21], [1, 2], 3)) == ["ten", "twenty"]
    assert texts.find("selection", Revisions([11, 21], [1, 4], 3)) == ["ten", None]
    assert texts.find("selection", Revisions([11, 21], [1, 2], 4)) is None
    assert texts.find("another", Revisions([11, 21], [1, 2], 3)) is None


def test_those_unused_for_longest_are_evicted_first() -> None:
    cache = ContentsCache(40_000)
    keys = [ContentsKey(user, 0) for user in range(1, 30)]
    for key in keys:
        cache.store(key, contents(basket=key.user_id))
        assert cache.find(keys[0]) is not None
    assert 36_000 < cache.size <= 40_000
    kept = [key.user_id for key in keys if cache.find(key)]
    assert kept == [1, *range(31 - len(kept), 30)]
    cache.forget(29)
    assert cache.find(keys[-1]) is None


def test_contents_of_an_eighth_of_the_bound_are_not_kept() -> None:
    cache = ContentsCache(100_000)
    cache.store(KEY, contents(items=20))
    assert cache.find(KEY) is not None
    cache.store(KEY, contents(items=200))
    assert (cache.find(KEY), cache.size) == (None, 1_000)


def test_texts_count_and_a_bound_of_nothing_keeps_nothing() -> None:
    cache = ContentsCache(1_000_000)
    known = cache.store(KEY, contents())
    before = cache.size
    known.store_texts("selection", ["x" * 500, "y" * 500], Revisions([11, 21], [1, 2], 3))
    assert cache.size == before + 2 * 610
    off = ContentsCache(0)
    off.store(KEY, contents())
    assert (off.find(KEY), off.size) == (None, 0)


def test_a_basket_that_others_change_is_known_again_once_two_reads_agree() -> None:
    cache = ContentsCache(1_000_000)
    cache.store_read(KEY, contents(1))
    assert cache.find(KEY) is not None
    cache.compare(KEY, contents(1).state)
    assert cache.find(KEY) is not None
    cache.compare(KEY, contents(2).state)
    assert cache.find(KEY) is None
    cache.store_read(KEY, contents(2))
    assert cache.find(KEY) is None
    cache.store_read(KEY, contents(3))
    assert cache.find(KEY) is None
    cache.store_read(KEY, contents(3))
    assert cache.find(KEY) is not None
    cache.compare(KEY, [])
    assert cache.find(KEY) is None
    cache.store(KEY, contents(5))
    assert cache.find(KEY) is not None


def test_contents_take_no_more_memory_than_they_count_as() -> None:
    cache = ContentsCache(50_000_000)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for user in range(1, 301):
            known = cache.store(ContentsKey(user, 0), contents(items=20, basket=user))
            first = 2**40 * user
            revisions = Revisions([], list(range(first, first + 20)), 3)
            known.store_texts("selection", [f"{user:0700}" for _ in range(20)], revisions)
        del known, revisions
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken <= cache.size
