"""Many requests at the same moment, to real server processes: 50 on PostgreSQL, 20 on SQLite."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.crowd import (
    QUOTATION,
    Crowd,
    accepted,
    add,
    at_once,
    check_no_segment_has_two_active_baskets,
    check_quotations_are_worth_their_baskets,
    drafts,
    outcomes,
    quantity_of,
    save_and_load,
)
from tests.support.databases import databases
from tests.support.process import start_server, write_people_to
from tests.support.service import Caller, Service
from tests.support.shop import serve_shop

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def process_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """An empty database for a server process, once of each kind."""
    yield from databases(request.param, tmp_path_factory.mktemp("process"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    process_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Crowd, dict[int, dict[str, Any]]]]:
    """One server process for all tests on a database, and the catalogue of its shop."""
    folder = tmp_path_factory.mktemp("output")
    divisions = await write_people_to(process_database_url)
    size = 20 if process_database_url.startswith("sqlite://") else 50
    async with (
        serve_shop() as shop,
        start_server(process_database_url, shop.url, folder) as server,
    ):
        service = Service(server.client, shop, divisions)
        yield (
            Crowd(service, server, process_database_url, size, folder),
            dict(shop.products),
        )


@pytest_asyncio.fixture(loop_scope="module")
async def crowd(running: tuple[Crowd, dict[int, dict[str, Any]]]) -> AsyncIterator[Crowd]:
    """The server process with people and no baskets; it must not report an error while it is used."""
    crowd, products = running
    await crowd.empty()
    crowd.service.shop.products = dict(products)
    yield crowd
    crowd.server.check_output()


@pytest.mark.parametrize(
    ("known_before", "in_basket_before", "version", "quantity"),
    [
        ([1], [1], 1, 1),  # everything existed before
        ([1], [2], 1, 0),  # the item did not
        ([], [2], 1, 0),  # neither did the product's row
        ([1], [], 0, 0),  # the basket did not
        ([], [], 0, 0),  # nothing did
    ],
)
async def test_additions_leave_exactly_their_number_of_pieces_and_of_versions(
    crowd: Crowd,
    known_before: list[int],
    in_basket_before: list[int],
    version: int,
    quantity: int,
) -> None:
    for caller, products in (
        (crowd.service.sub, known_before),
        (crowd.service.main, in_basket_before),
    ):
        if products:
            await accepted([add(caller, *products)])
    baskets = await accepted([add(crowd.service.main, 1) for _ in range(crowd.size)])
    assert [basket["version"] for basket in baskets] == [
        version + each for each in range(1, crowd.size + 1)
    ]
    assert [quantity_of(basket, 1) for basket in baskets] == [
        quantity + each for each in range(1, crowd.size + 1)
    ]
    assert await crowd.service.main.basket() == baskets[-1]
    assert await crowd.numbers("SELECT COUNT(*) FROM basket WHERE user_id = 1") == (1,)
    assert await crowd.numbers("SELECT COUNT(*) FROM product WHERE remote_id = 1") == (1,)
    assert await crowd.numbers(
        "SELECT COUNT(*), SUM(q.quantity) FROM basket b JOIN basket_item i ON i.basket_id = b.id "
        "JOIN basket_item_division q ON q.item_id = i.id JOIN product p ON p.id = i.product_id "
        "WHERE b.user_id = 1 AND p.remote_id = 1"
    ) == (1, quantity + crowd.size)


async def test_first_additions_make_one_active_basket_a_user_and_segment(
    crowd: Crowd,
) -> None:
    half = crowd.size // 2
    calls = [
        add(caller, 1, segmentRemoteId=segment)
        for _ in range(half)
        for caller, segment in (
            (crowd.service.main, None),
            (crowd.service.main, 1),
            (crowd.service.sub, 1),
        )
    ]
    await accepted(calls)
    assert await crowd.rows(
        "SELECT user_id, segment, status, version FROM basket ORDER BY 1, 2"
    ) == [
        (1, 0, "ACTIVE", half),
        (1, 1, "ACTIVE", half),
        (2, 1, "ACTIVE", half),
    ]
    assert await crowd.rows("SELECT quantity FROM basket_item_division") == [(half,)] * 3


async def test_additions_in_opposite_orders_do_not_wait_for_each_other_in_a_circle(
    crowd: Crowd,
) -> None:
    callers = (crowd.service.main, crowd.service.sub)
    orders = ([1, 2, 3, 4], [4, 3, 2, 1])
    await accepted(
        [add(callers[turn % 2], *orders[turn // 2 % 2]) for turn in range(crowd.size * 2)]
    )
    for caller in callers:
        basket = await caller.basket()
        assert basket is not None
        assert basket["version"] == crowd.size
        assert [quantity_of(basket, product) for product in (1, 2, 3, 4)] == [
            crowd.size
        ] * 4
        assert basket["totalAmount"] == {20: "951.00", 50: "2377.50"}[crowd.size]


async def test_saving_loading_and_quoting_lose_no_addition(crowd: Crowd) -> None:
    caller, additions, others = crowd.service.main, [], []
    for turn in range(crowd.size):
        segment = 1 if turn % 2 else None
        additions.append(asyncio.ensure_future(add(caller, 1, segmentRemoteId=segment)))
        others.append(asyncio.ensure_future(save_and_load(caller, segment)))
        if turn % 10 < 2:
            quoting = caller.change(
                "quotationRequest", QUOTATION, name="Q", segmentRemoteId=segment
            )
            others.append(asyncio.ensure_future(quoting))
    await accepted(additions)
    rejections = set(outcomes(await at_once(others))) - {"accepted"}
    assert rejections <= {"BASKET_NOT_FOUND", "BASKET_NOT_DRAFT", "BASKET_EMPTY"}
    assert await crowd.rows(
        "SELECT b.segment, SUM(q.quantity) FROM basket b JOIN basket_item i ON i.basket_id = b.id "
        "JOIN basket_item_division q ON q.item_id = i.id GROUP BY b.segment ORDER BY b.segment"
    ) == [(0, crowd.size // 2), (1, crowd.size // 2)]
    await check_no_segment_has_two_active_baskets(crowd)
    await check_quotations_are_worth_their_baskets(crowd)


async def test_a_draft_is_loaded_once(crowd: Crowd) -> None:
    (draft,) = await drafts(crowd.service.main, 1)
    payloads = await at_once(
        [crowd.service.main.change("basketLoad", basketId=draft) for _ in range(crowd.size)]
    )
    assert outcomes(payloads) == {"accepted": 1, "BASKET_NOT_DRAFT": crowd.size - 1}
    assert await crowd.rows("SELECT status, version FROM basket") == [("ACTIVE", 3)]


async def test_of_drafts_loaded_at_once_one_is_active_and_none_is_lost(
    crowd: Crowd,
) -> None:
    ids = await drafts(crowd.service.main, crowd.size)
    await accepted(
        [crowd.service.main.change("basketLoad", basketId=draft) for draft in ids]
    )
    assert await crowd.rows(
        "SELECT status, COUNT(*) FROM basket GROUP BY 1 ORDER BY 1"
    ) == [
        ("ACTIVE", 1),
        ("DRAFT", crowd.size - 1),
    ]
    assert await crowd.numbers("SELECT SUM(quantity) FROM basket_item_division") == (
        crowd.size,
    )


async def test_a_draft_deleted_while_it_is_loaded_is_either_loaded_or_deleted(
    crowd: Crowd,
) -> None:
    ids = await drafts(crowd.service.main, crowd.size // 2)
    loads = [crowd.service.main.change("basketLoad", basketId=draft) for draft in ids]
    deletions = [
        crowd.service.main.change("basketDelete", "deletedBasketId", basketId=draft)
        for draft in ids
    ]
    payloads = await at_once(
        [call for pair in zip(loads, deletions, strict=True) for call in pair]
    )
    deleted = [each["deletedBasketId"] for each in payloads if each.get("deletedBasketId")]
    rows = await crowd.rows("SELECT id FROM basket")
    assert sorted([*deleted, *(f"basket_{row[0]}" for row in rows)]) == sorted(ids)


async def test_what_changes_the_active_basket_finds_one_while_others_are_loaded(
    crowd: Crowd,
) -> None:
    caller, ids = crowd.service.main, await drafts(crowd.service.main, crowd.size // 2)
    await accepted([add(caller, 1)])
    update: dict[str, Any] = {
        "productRemoteId": 1,
        "divisionId": crowd.service.division("ERP02"),
        "quantity": 7,
    }
    updates = [caller.change("basketItemUpdate", **update) for _ in ids]
    loads = [caller.change("basketLoad", basketId=draft) for draft in ids]
    payloads = await at_once(
        [call for pair in zip(loads, updates, strict=True) for call in pair]
    )
    assert outcomes(payloads) == {"accepted": crowd.size}


async def test_additions_survive_a_basket_saved_away_again_and_again(crowd: Crowd) -> None:
    caller = crowd.service.main
    additions = [asyncio.ensure_future(add(caller, 1)) for _ in range(crowd.size)]
    saves = [
        asyncio.ensure_future(caller.change("basketSave", name="Saved"))
        for _ in range(crowd.size)
    ]
    await accepted(additions)
    saved = outcomes(await at_once(saves))
    assert set(saved) <= {"accepted", "BASKET_NOT_FOUND"}
    assert await crowd.numbers("SELECT SUM(quantity) FROM basket_item_division") == (
        crowd.size,
    )
    assert await crowd.numbers("SELECT COUNT(*) FROM basket WHERE status = 'DRAFT'") == (
        saved["accepted"],
    )


async def test_one_of_many_who_expect_the_same_version_wins(crowd: Crowd) -> None:
    for version in range(2):
        calls = [
            add(crowd.service.main, 1, expectedVersion=version) for _ in range(crowd.size)
        ]
        assert outcomes(await at_once(calls)) == {
            "accepted": 1,
            "VERSION_CONFLICT": crowd.size - 1,
        }
        basket = await crowd.service.main.basket()
        assert basket is not None
        assert (basket["version"], basket["totalQuantity"]) == (version + 1, version + 1)
    assert await crowd.rows("SELECT version FROM basket") == [(2,)]


async def test_a_basket_is_submitted_once(crowd: Crowd) -> None:
    await accepted([add(crowd.service.main, 1)])
    calls = [
        crowd.service.main.change("quotationRequest", QUOTATION, name="Q")
        for _ in range(crowd.size)
    ]
    assert outcomes(await at_once(calls)) == {
        "accepted": 1,
        "BASKET_NOT_FOUND": crowd.size - 1,
    }
    assert await crowd.rows(
        "SELECT b.status, o.total_amount FROM basket b JOIN quotation o ON o.basket_id = b.id"
    ) == [("SUBMITTED", 1055)]
    assert await crowd.numbers("SELECT COUNT(*) FROM basket") == (1,)


async def test_a_key_that_arrives_many_times_at_once_has_one_effect_and_one_answer(
    crowd: Crowd,
) -> None:
    caller = crowd.service.main
    payloads = await at_once(
        [add(caller, 1, 2, idempotencyKey="add") for _ in range(crowd.size)]
    )
    assert payloads == [payloads[0]] * crowd.size
    assert (payloads[0]["userErrors"], payloads[0]["basket"]["version"]) == ([], 1)
    assert await crowd.rows("SELECT quantity FROM basket_item_division") == [(1,), (1,)]
    asked = {"name": "Q", "idempotencyKey": "quote"}
    payloads = await at_once(
        [caller.change("quotationRequest", QUOTATION, **asked) for _ in range(crowd.size)]
    )
    assert payloads == [payloads[0]] * crowd.size
    assert payloads[0]["quotation"]["totalAmount"] == "30.55"
    assert await crowd.numbers("SELECT COUNT(*) FROM quotation") == (1,)
    assert await crowd.rows("SELECT status, version FROM basket") == [("SUBMITTED", 2)]
    assert await crowd.numbers("SELECT COUNT(*) FROM idempotency_key") == (2,)


async def test_a_key_that_arrives_at_once_with_two_inputs_is_kept_for_one_of_them(
    crowd: Crowd,
) -> None:
    half = crowd.size // 2
    calls = [
        add(crowd.service.main, 1, quantity=turn % 2 + 1, idempotencyKey="key")
        for turn in range(crowd.size)
    ]
    payloads = await at_once(calls)
    assert outcomes(payloads) == {"accepted": half, "IDEMPOTENCY_KEY_REUSED": half}
    answered = [payload for payload in payloads if not payload["userErrors"]]
    assert answered == [answered[0]] * half
    assert await crowd.service.main.basket() == answered[0]["basket"]
    assert await crowd.rows("SELECT quantity FROM basket_item_division") == [
        (answered[0]["basket"]["totalQuantity"],)
    ]


async def test_the_same_key_of_two_users_has_an_effect_for_each(crowd: Crowd) -> None:
    callers = (crowd.service.main, crowd.service.sub)
    payloads = await at_once(
        [add(callers[turn % 2], 1, idempotencyKey="key") for turn in range(crowd.size)]
    )
    assert outcomes(payloads) == {"accepted": crowd.size}
    assert await crowd.rows("SELECT user_id, version FROM basket ORDER BY 1") == [
        (1, 1),
        (2, 1),
    ]
    assert await crowd.rows("SELECT quantity FROM basket_item_division") == [(1,), (1,)]


async def test_a_rejected_key_is_rejected_again_the_same_way(crowd: Crowd) -> None:
    caller, products = crowd.service.main, crowd.service.shop.products
    calls = [add(caller, 1, 404, idempotencyKey="key") for _ in range(crowd.size)]
    rejected = await at_once(calls)
    assert rejected == [rejected[0]] * crowd.size
    assert outcomes(rejected) == {"PRODUCT_NOT_FOUND": crowd.size}
    assert await crowd.numbers("SELECT COUNT(*) FROM basket") == (0,)
    products[404] = products[3] | {"pk": 404, "sku": "SKU404"}
    assert await at_once([add(caller, 1, 404, idempotencyKey="key")]) == rejected[:1]
    await accepted([add(caller, 1, 404, idempotencyKey="another")])


async def test_two_server_processes_share_the_load(crowd: Crowd) -> None:
    if crowd.database_url.startswith("sqlite://"):
        pytest.skip("A SQLite file is for one server process.")
    async with start_server(
        crowd.database_url, crowd.service.shop.url, crowd.folder
    ) as second:
        callers = [crowd.service.main, Caller(second.client, "main")]
        baskets = await accepted(
            [add(callers[turn % 2], 1, 2) for turn in range(crowd.size)]
        )
        assert [basket["version"] for basket in baskets] == list(range(1, crowd.size + 1))
        assert [basket["totalQuantity"] for basket in baskets] == list(
            range(2, 2 * crowd.size + 1, 2)
        )
        keyed = await at_once(
            [add(callers[turn % 2], 3, idempotencyKey="key") for turn in range(crowd.size)]
        )
        assert keyed == [keyed[0]] * crowd.size
        assert keyed[0]["basket"]["version"] == crowd.size + 1
        await drafts(callers[0], 4)
        mixed = [
            asyncio.ensure_future(add(callers[turn % 2], 4)) for turn in range(crowd.size)
        ]
        others = [
            asyncio.ensure_future(save_and_load(callers[turn % 2], None))
            for turn in range(crowd.size)
        ]
        await accepted(mixed)
        await at_once(others)
        second.check_output()
    await check_no_segment_has_two_active_baskets(crowd)
    assert await crowd.rows(
        "SELECT p.remote_id, SUM(q.quantity) FROM basket_item i JOIN product p ON p.id = i.product_id "
        "JOIN basket_item_division q ON q.item_id = i.id GROUP BY 1 ORDER BY 1"
    ) == [(1, crowd.size + 4), (2, crowd.size), (3, 1), (4, crowd.size)]
