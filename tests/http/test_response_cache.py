"""Remembered responses: within their bytes, those that were used last, and none of a changed basket."""

import gc
import tracemalloc

import pytest

from models.basket.check import Subject
from models.basket.read import ACTIVE
from web.http.response_cache import ENTRY_BYTES, CachedResponse, ResponseCache, ResponseKey

SUBJECT = Subject(ACTIVE, 0, has_items=True)


def response(size: int = 0) -> CachedResponse:
    return CachedResponse([SUBJECT], b"", bytes(size))


def key(user_id: int, request: int = 0) -> ResponseKey:
    return ResponseKey(user_id, request.to_bytes(2))


def test_the_bytes_of_all_responses_stay_within_the_bound() -> None:
    one = ENTRY_BYTES + 1_002
    cache = ResponseCache(3 * one)
    for user in range(5):
        cache.keep(key(user), response(1_000))
        assert cache.size == min(user + 1, 3) * one
    found = [user for user in range(5) if cache.find(key(user))]
    assert found == [2, 3, 4]


def test_the_response_that_was_unused_for_longest_is_evicted_first() -> None:
    cache = ResponseCache(3 * (ENTRY_BYTES + 1_002))
    for user in range(3):
        cache.keep(key(user), response(1_000))
    assert cache.find(key(0)) is not None
    cache.keep(key(3), response(1_000))
    assert [cache.find(key(user)) is not None for user in range(4)] == [
        True,
        False,
        True,
        True,
    ]


def test_what_does_not_fit_is_not_cached_and_evicts_nothing() -> None:
    cache = ResponseCache(5_000)
    cache.keep(key(1), response(100))
    cache.keep(key(2), response(5_000))
    assert cache.find(key(1)) is not None
    assert cache.find(key(2)) is None
    off = ResponseCache(0)
    off.keep(key(1), response())
    assert (off.find(key(1)), off.size) == (None, 0)


def test_a_response_that_grows_is_counted_anew() -> None:
    cache = ResponseCache(10_000)
    cached = response(1_000)
    cache.keep(key(1), cached)
    cached.encoded[b"gzip"] = bytes(500)
    cache.keep(key(1), cached)
    assert cache.size == ENTRY_BYTES + 1_502
    assert cache.has(key(1), cached)
    assert not cache.has(key(1), response(1_000))


def test_a_change_drops_the_responses_of_its_user_alone() -> None:
    cache = ResponseCache(100_000)
    for user in (1, 2):
        for request in (0, 1):
            cache.keep(key(user, request), response(100))
    cache.forget(1)
    cache.forget(3)
    assert [cache.find(key(1, request)) for request in (0, 1)] == [None, None]
    assert all(cache.find(key(2, request)) for request in (0, 1))
    assert cache.size == 2 * (ENTRY_BYTES + 102)
    cache.forget(2)
    assert cache.size == 0


@pytest.mark.parametrize("size", [0, 300, 20_000])
def test_responses_take_no_more_memory_than_they_count(size: int) -> None:
    cache = ResponseCache(2 * 2**20)
    gc.collect()
    tracemalloc.start()
    try:
        for user in range(3_000):
            made = CachedResponse(
                [Subject(ACTIVE, user, has_items=True)], bytes(100), bytes(size)
            )
            made.tag = bytes(40)
            made.encoded = {b"gzip"[:]: bytes(size // 10)}
            cache.keep(ResponseKey(user, bytes(60), b"{}"), made)
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert cache.size > 1_900_000
    assert taken <= cache.size
