"""What a payload tells besides the basket: the state after the change, and the items that are gone."""

import asyncio
from typing import Any

import pytest

from tests.support.service import Caller, Service, number_in, serve
from tests.support.shop import Shop

STATE = "query { activeBasket { id version itemCount } draftBaskets { totalCount edges { node { id name } } } }"


async def add(caller: Caller, *products: int, **more: Any) -> dict[str, Any]:
    """Adds products, each for ERP01 and ERP02."""
    items = [
        {"productRemoteId": each, "divisionErpCode": division}
        for each in products
        for division in ("ERP01", "ERP02")
    ]
    return await caller.accepted("basketItemsAdd", items=items, **more)


async def items_of(caller: Caller) -> dict[int, str]:
    """Returns the ids of the items of the active basket by product."""
    data = await caller.query("{ activeBasket { items { id productRemoteId } } }")
    return {item["productRemoteId"]: item["id"] for item in data["activeBasket"]["items"]}


@pytest.mark.parametrize("is_compiled", [True, False])
async def test_the_state_after_a_change_comes_in_the_same_round_trip(
    database_url: str, shop: Shop, is_compiled: bool
) -> None:
    async with serve(database_url, shop, is_compiled=is_compiled) as service:
        items = [{"productRemoteId": 1, "divisionErpCode": "ERP01"}]
        for _ in range(2):
            added = await service.main.change(
                "basketItemsAdd", f"basket {{ id }} {STATE}", items=items
            )
        basket = added["basket"]["id"]
        assert added["query"] == {
            "activeBasket": {"id": basket, "version": 2, "itemCount": 1},
            "draftBaskets": {"totalCount": 0, "edges": []},
        }
        saved = await service.main.change(
            "basketSave", f"basket {{ id }} {STATE}", name="Draft"
        )
        assert saved["query"] == {
            "activeBasket": None,
            "draftBaskets": {
                "totalCount": 1,
                "edges": [{"node": {"id": basket, "name": "Draft"}}],
            },
        }
        deleted = await service.main.change(
            "basketDelete", f"deletedBasketId {STATE}", basketId=basket
        )
        assert deleted["query"] == {
            "activeBasket": None,
            "draftBaskets": {"totalCount": 0, "edges": []},
        }


async def test_a_rejected_change_and_a_retry_tell_the_state_as_it_is_now(
    service: Service,
) -> None:
    rejected = await service.main.change("basketClear", STATE)
    assert rejected["query"]["activeBasket"] is None
    first = await add(service.main, 1, idempotencyKey="key")
    await add(service.main, 2)
    items = [
        {"productRemoteId": 1, "divisionErpCode": division}
        for division in ("ERP01", "ERP02")
    ]
    again = await service.main.change(
        "basketItemsAdd", STATE, items=items, idempotencyKey="key"
    )
    assert again["query"]["activeBasket"] == {
        "id": first["id"],
        "version": 2,
        "itemCount": 2,
    }


async def test_mutations_of_one_operation_each_tell_the_state_between(
    service: Service,
) -> None:
    await add(service.main, 1)
    document = f"""mutation {{
      one: basketSave(input: {{name: "One"}}) {{ {STATE} }}
      two: basketItemsAdd(input: {{items: [{{productRemoteId: 2, divisionErpCode: "ERP01"}}]}}) {{ again: {STATE} }}
    }}"""
    data = await service.main.query(document)
    assert data["one"]["query"]["activeBasket"] is None
    assert data["two"]["again"]["activeBasket"]["version"] == 1
    assert data["two"]["again"]["draftBaskets"]["totalCount"] == 1


async def test_items_below_the_state_are_read_there_and_not_with_the_change(
    service: Service,
) -> None:
    await add(service.main, 1, 2)
    selection = "basket { itemCount } query { activeBasket { items { productRemoteId } } }"
    payload = await service.main.change("basketSave", selection, name="Draft")
    assert payload == {
        "basket": {"itemCount": 2},
        "query": {"activeBasket": None},
        "userErrors": [],
    }
    await add(service.main, 2)
    selection = (
        "basket { items { id } } query { viewer { email } activeBasket { itemCount } }"
    )
    payload = await service.main.change("basketItemRemove", selection, productRemoteId=2)
    assert payload["basket"] == {"items": []}
    assert payload["query"] == {
        "viewer": {"email": "main@example.invalid"},
        "activeBasket": {"itemCount": 0},
    }


async def test_the_state_costs_what_it_would_cost_by_itself(service: Service) -> None:
    fields = (
        'product(sku: "SKU01") { sku } draftBaskets(last: 30) { edges { node { id } } }'
    )
    body = {
        "query": f"mutation {{ basketClear(input: {{}}) {{ query {{ {fields} }} }} }}",
        "extensions": {"cost": True},
    }
    headers = {"Authorization": "Token main"}
    content = (await service.client.post("/graphql", json=body, headers=headers)).json()
    assert content["extensions"]["cost"]["requested"] == 10 + 1 + 10 + (1 + 30 * 2)


async def test_what_a_change_took_out_of_the_basket_is_named(service: Service) -> None:
    service.shop.sell(3, "1.00")
    await add(service.main, 1, 2, 3)
    ids = await items_of(service.main)
    update = {"productRemoteId": 1, "divisionId": "division_1"}
    for quantity, division, removed in (
        (5, "division_1", []),
        (0, "division_1", []),
        (0, "division_2", [ids[1]]),
    ):
        given = update | {"quantity": quantity, "divisionId": division}
        payload = await service.main.change("basketItemUpdate", "removedItemIds", **given)
        assert payload == {"removedItemIds": removed, "userErrors": []}
    payload = await service.main.change(
        "basketItemUpdate", "removedItemIds", **update, quantity=0
    )
    assert (payload["removedItemIds"], payload["userErrors"][0]["code"]) == (
        [],
        "PRODUCT_NOT_IN_BASKET",
    )
    payload = await service.main.change(
        "basketItemRemove", "removedItemIds", productRemoteId=2
    )
    assert payload == {"removedItemIds": [ids[2]], "userErrors": []}
    await add(service.main, 1)
    last = await items_of(service.main)
    assert last[3] == ids[3]
    assert last[1] not in ids.values()
    payload = await service.main.change("basketClear", "removedItemIds")
    assert payload == {"removedItemIds": [ids[3], last[1]], "userErrors": []}
    payload = await service.main.change("basketClear", "removedItemIds")
    assert payload == {"removedItemIds": [], "userErrors": []}


async def test_a_retry_names_the_items_that_the_first_attempt_removed(
    service: Service,
) -> None:
    changes: list[tuple[str, dict[str, Any], list[int]]] = [
        ("basketItemUpdate", {"productRemoteId": 3, "divisionId": "1", "quantity": 0}, [3]),
        ("basketItemRemove", {"productRemoteId": 1}, [1]),
        ("basketClear", {}, [1, 2]),
    ]
    service.shop.sell(3, "1.00")
    await service.main.accepted(
        "basketItemsAdd", items=[{"productRemoteId": 3, "divisionErpCode": "ERP01"}]
    )
    await add(service.main, 1, 2)
    for mutation, given, products in changes:
        ids = await items_of(service.main)
        removed = sorted(
            (ids[each] for each in products),
            key=lambda identifier: int(number_in(identifier)),
        )
        for _ in range(2):
            payload = await service.main.change(
                mutation, "removedItemIds", **given, idempotencyKey=mutation
            )
            assert payload == {"removedItemIds": removed, "userErrors": []}
            await add(service.main, 1, 2)


async def test_of_changes_at_once_only_the_one_that_removed_an_item_names_it(
    service: Service,
) -> None:
    await add(service.main, 1, 2)
    ids = await items_of(service.main)
    updates = [
        service.main.change(
            "basketItemUpdate",
            "removedItemIds",
            productRemoteId=1,
            divisionId=f"division_{number % 2 + 1}",
            quantity=0,
        )
        for number in range(6)
    ]
    clears = [service.main.change("basketClear", "removedItemIds") for _ in range(3)]
    payloads = await asyncio.gather(*updates, *clears)
    removed = [
        identifier for payload in payloads for identifier in payload["removedItemIds"]
    ]
    assert sorted(removed) == sorted(ids.values())
    assert await items_of(service.main) == {}


LOADED = "basket { id } displacedBasket { id status name version items { productRemoteId } } deletedBasketId"


async def saved_draft(caller: Caller, product: int, **more: Any) -> str:
    """Returns the id of a draft with a product."""
    await add(caller, product, **more)
    draft = await caller.accepted("basketSave", name="Draft", **more)
    return str(draft["id"])


@pytest.mark.parametrize("is_compiled", [True, False])
async def test_a_load_tells_which_basket_it_displaced(
    database_url: str, shop: Shop, is_compiled: bool
) -> None:
    async with serve(database_url, shop, is_compiled=is_compiled) as service:
        draft = await saved_draft(service.main, 1)
        active = await add(service.main, 2)
        loaded = await service.main.change(
            "basketLoad", LOADED, basketId=draft, idempotencyKey="load"
        )
        assert loaded == {
            "basket": {"id": draft},
            "displacedBasket": {
                "id": active["id"],
                "status": "DRAFT",
                "name": None,
                "version": 2,
                "items": [{"productRemoteId": 2}],
            },
            "deletedBasketId": None,
            "userErrors": [],
        }
        again = await service.main.change(
            "basketLoad", LOADED, basketId=draft, idempotencyKey="load"
        )
        assert again == loaded


async def test_a_load_names_the_empty_basket_that_vanished(service: Service) -> None:
    draft = await saved_draft(service.main, 1)
    empty = await add(service.main, 2)
    await service.main.accepted("basketClear")
    loaded = await service.main.change(
        "basketLoad", LOADED, basketId=draft, idempotencyKey="load"
    )
    assert (loaded["displacedBasket"], loaded["deletedBasketId"]) == (None, empty["id"])
    again = await service.main.change(
        "basketLoad", LOADED, basketId=draft, idempotencyKey="load"
    )
    assert again == loaded
    node = await service.main.query(f'{{ node(id: "{empty["id"]}") {{ id }} }}')
    assert node == {"node": None}


async def test_a_load_where_no_basket_is_active_displaces_none(service: Service) -> None:
    draft = await saved_draft(service.main, 1, segmentRemoteId=5)
    other = await add(service.main, 2)
    loaded = await service.main.change("basketLoad", LOADED, basketId=draft)
    assert loaded == {
        "basket": {"id": draft},
        "displacedBasket": None,
        "deletedBasketId": None,
        "userErrors": [],
    }
    rejected = await service.main.change("basketLoad", LOADED, basketId=other["id"])
    assert rejected | {"userErrors": []} == {
        "basket": None,
        "displacedBasket": None,
        "deletedBasketId": None,
        "userErrors": [],
    }
