"""Deltas and changes below every field that answers with baskets, and no more read than is selected."""

import logging
from typing import Any

import pytest

from tests.support.deltas import DELTA, read_delta
from tests.support.lines import line
from tests.support.service import Caller, Service, number_in, serve
from tests.support.shop import Shop

Json = dict[str, Any]


async def add(caller: Caller, *products: int, **more: Any) -> Json:
    """Adds products and returns the basket."""
    return await caller.accepted(
        "basketItemsAdd", items=[line(product) for product in products], **more
    )


def short(delta: Json) -> tuple[int, list[int], int, bool]:
    """Returns the version, the products, the count of removed items, and whether it is all."""
    return (
        delta["sinceVersion"],
        [item["productRemoteId"] for item in delta["items"]],
        len(delta["removedItemIds"]),
        delta["isComplete"],
    )


SHORT = "sinceVersion isComplete removedItemIds items { productRemoteId }"


@pytest.mark.parametrize("is_compiled", [True, False])
async def test_aliases_of_several_versions_each_get_their_own(
    database_url: str, shop: Shop, is_compiled: bool
) -> None:
    async with serve(database_url, shop, is_compiled=is_compiled) as service:
        for product in (1, 2, 3):
            await add(service.main, product)
        await service.main.accepted("basketItemRemove", productRemoteId=1)
        document = f"""query Deltas($one: Int!, $default: Int = 2) {{ activeBasket {{
          one: delta(sinceVersion: $one) {{ ...Short }} two: delta(sinceVersion: $default) {{ ...Short }}
          three: delta(sinceVersion: 3) {{ ...Short }} now: delta(sinceVersion: 4) {{ ...Short }}
          ahead: delta(sinceVersion: 5) {{ ...Short }} none: delta(sinceVersion: 0) {{ ...Short }}
        }} }} fragment Short on BasketDelta {{ {SHORT} }}"""
        basket = (await service.main.query(document, one=1))["activeBasket"]
        assert {name: short(delta) for name, delta in basket.items()} == {
            "one": (1, [2, 3], 1, False),
            "two": (2, [3], 1, False),
            "three": (3, [], 1, False),
            "now": (4, [], 0, False),
            "ahead": (0, [2, 3], 0, True),
            "none": (0, [2, 3], 0, True),
        }


async def test_an_operation_of_several_is_read_by_its_own_selection(
    service: Service,
) -> None:
    await add(service.main, 1)
    await add(service.main, 2)
    text = f"""
      query A {{ activeBasket {{ delta(sinceVersion: 1) {{ {SHORT} }} }} }}
      query B {{ activeBasket {{ ...F }} }}
      query C {{ activeBasket {{ version }} }}
      fragment F on Basket {{ ...G }} fragment G on Basket {{ delta(sinceVersion: 2) {{ {SHORT} }} }}
    """
    found = {}
    for name in ("A", "B", "C", "A"):
        response = await service.client.post(
            "/graphql",
            json={"query": text, "operationName": name},
            headers={"Authorization": "Token main"},
        )
        found[name] = response.json()["data"]["activeBasket"]
    assert short(found["A"]["delta"]) == (1, [2], 0, False)
    assert short(found["B"]["delta"]) == (2, [], 0, False)
    assert found["C"] == {"version": 2}


@pytest.mark.parametrize("is_compiled", [True, False])
async def test_conditions_decide_what_is_read(
    database_url: str, shop: Shop, is_compiled: bool
) -> None:
    async with serve(database_url, shop, is_compiled=is_compiled) as service:
        await add(service.main, 1)
        await add(service.main, 2)
        document = f"""query ($known: Boolean!, $version: Int = 1) {{ activeBasket {{
          items @skip(if: $known) {{ productRemoteId }}
          ... @include(if: $known) {{ delta(sinceVersion: $version) {{ {SHORT} }} ...Changes }}
        }} }} fragment Changes on Basket {{ changes(last: 1) @include(if: true) {{ totalCount }} }}"""
        for _ in range(2):
            basket = (await service.main.query(document, known=False))["activeBasket"]
            assert basket == {"items": [{"productRemoteId": 1}, {"productRemoteId": 2}]}
            basket = (await service.main.query(document, known=True))["activeBasket"]
            assert short(basket["delta"]) == (1, [2], 0, False)
            assert basket["changes"] == {"totalCount": 2}


async def test_the_basket_of_a_delta_has_all_its_fields(service: Service) -> None:
    await add(service.main, 1)
    await add(service.main, 2)
    document = f"""{{ activeBasket {{ delta(sinceVersion: 1) {{ items {{ id }} basket {{
      items {{ productRemoteId }} item(productRemoteId: 1) {{ quantity }} itemsPage(first: 1) {{ totalCount }}
      changes {{ totalCount }} delta(sinceVersion: 2) {{ {SHORT} }}
    }} }} }} }}"""
    delta = (await service.main.query(document))["activeBasket"]["delta"]
    assert len(delta["items"]) == 1
    basket = delta["basket"]
    assert short(basket.pop("delta")) == (2, [], 0, False)
    assert basket == {
        "items": [{"productRemoteId": 1}, {"productRemoteId": 2}],
        "item": {"quantity": 1},
        "itemsPage": {"totalCount": 2},
        "changes": {"totalCount": 2},
    }


async def test_every_list_of_baskets_has_deltas_and_changes(service: Service) -> None:
    main = service.main
    for segment in (None, 1):
        await add(main, 1, segmentRemoteId=segment)
        await add(main, 2, segmentRemoteId=segment)
    parts = f"delta(sinceVersion: 1) {{ {SHORT} }} changes(first: 1) {{ edges {{ node {{ kind }} }} }}"
    baskets = (await main.query(f"{{ activeBaskets {{ {parts} }} }}"))["activeBaskets"]
    assert [short(basket["delta"]) for basket in baskets] == [(1, [2], 0, False)] * 2
    for segment in (None, 1):
        await main.accepted("basketSave", name="Draft", segmentRemoteId=segment)
    document = f"{{ draftBaskets {{ edges {{ node {{ id {parts} }} }} }} }}"
    edges = (await main.query(document))["draftBaskets"]["edges"]
    drafts = [edge["node"] for edge in edges]
    assert [short(draft["delta"]) for draft in drafts] == [(1, [2], 0, False)] * 2
    assert [draft["changes"]["edges"][0]["node"]["kind"] for draft in drafts] == [
        "SAVED"
    ] * 2
    draft = drafts[0]["id"]
    for field in (f'node(id: "{draft}")', f'basket(id: "{number_in(draft)}")'):
        name = field.partition("(")[0]
        data = await main.query(f"{{ {field} {{ ... on Basket {{ {parts} }} }} }}")
        assert short(data[name]["delta"]) == (1, [2], 0, False)
    await main.accepted("basketLoad", basketId=draft)
    segment = (await main.query("{ activeBaskets { segmentRemoteId } }"))["activeBaskets"]
    quoted = await main.change(
        "quotationRequest",
        f"quotation {{ basket {{ {parts} }} }} basket {{ {parts} }}",
        name="Q",
        **segment[0],
    )
    assert quoted["quotation"]["basket"] == quoted["basket"]
    assert short(quoted["basket"]["delta"]) == (1, [2], 0, False)
    document = f"{{ quotations {{ edges {{ node {{ id basket {{ {parts} }} }} }} }} }}"
    (edge,) = (await main.query(document))["quotations"]["edges"]
    assert edge["node"]["basket"] == quoted["basket"]
    document = f'{{ node(id: "{edge["node"]["id"]}") {{ ... on Quotation {{ basket {{ {parts} }} }} }} }}'
    assert (await main.query(document))["node"]["basket"] == quoted["basket"]


@pytest.mark.parametrize("is_compiled", [True, False])
@pytest.mark.parametrize("key", [None, "key"])
async def test_a_change_answers_with_the_delta_to_it(
    database_url: str, shop: Shop, is_compiled: bool, key: str | None
) -> None:
    more = {"idempotencyKey": key} if key else {}
    async with serve(database_url, shop, is_compiled=is_compiled) as service:
        await add(service.main, 1, 2)
        selection = (
            f"basket {{ version delta(sinceVersion: 1) {{ {SHORT} }} "
            "changes { edges { node { version lineCount lines { totalCount } } } } } "
            f"query {{ activeBasket {{ delta(sinceVersion: 2) {{ {SHORT} }} }} }}"
        )
        for attempt in range(2 if key else 1):
            payload = await service.main.change(
                "basketItemsAdd", selection, items=[line(3)], **more
            )
            basket = payload["basket"]
            assert (attempt, short(basket["delta"])) == (attempt, (1, [3], 0, False))
            assert [edge["node"]["lineCount"] for edge in basket["changes"]["edges"]] == [
                1,
                2,
            ]
            delta = payload["query"]["activeBasket"]["delta"]
            assert short(delta) == (2, [], 0, False)
        payload = await service.main.change(
            "basketItemsAdd",
            f"basket {{ delta(sinceVersion: 1) {{ {SHORT} }} }}",
            items=[line(404)],
        )
        assert payload["basket"] is None
        assert payload["userErrors"][0]["code"] == "PRODUCT_NOT_FOUND"


async def test_every_change_answers_with_a_delta(service: Service) -> None:
    main = service.main
    await add(main, 1, 2, 3)
    selection = f"basket {{ id version delta(sinceVersion: $since) {{ {SHORT} }} }} userErrors {{ code }}"

    async def change(mutation: str, since: int, **given: Any) -> tuple[Any, ...]:
        kind = mutation[0].upper() + mutation[1:]
        data = await main.query(
            f"mutation ($input: {kind}Input!, $since: Int!) {{ {mutation}(input: $input) {{ {selection} }} }}",
            input=given,
            since=since,
        )
        assert data[mutation]["userErrors"] == []
        return short(data[mutation]["basket"]["delta"])

    update = {"productRemoteId": 1, "divisionId": service.division("ERP02")}
    assert await change("basketItemUpdate", 1, **update, quantity=3) == (1, [1], 0, False)
    assert await change("basketItemRemove", 1, productRemoteId=2) == (1, [1], 1, False)
    service.shop.sell(3, "99.00")
    assert await change("basketRefresh", 3) == (3, [3], 0, False)
    data = await main.query("{ activeBasket { id } }")
    assert await change("basketSave", 1, name="Draft") == (1, [1, 3], 1, False)
    assert await change("basketLoad", 4, basketId=data["activeBasket"]["id"]) == (
        4,
        [],
        0,
        False,
    )
    assert await change("basketClear", 6) == (6, [], 2, False)


async def test_a_displaced_basket_has_its_own_history(service: Service) -> None:
    main = service.main
    draft = await add(main, 1)
    await main.accepted("basketSave", name="Draft")
    await add(main, 2)
    await add(main, 3)
    parts = f"version delta(sinceVersion: 1) {{ {SHORT} }} changes(first: 1) {{ edges {{ node {{ kind version }} }} }}"
    payload = await main.change(
        "basketLoad",
        f"basket {{ {parts} }} displacedBasket {{ {parts} }}",
        basketId=draft["id"],
    )
    found = {
        name: (short(payload[name]["delta"]), payload[name]["changes"]["edges"][0]["node"])
        for name in ("basket", "displacedBasket")
    }
    assert found == {
        "basket": ((1, [], 0, False), {"kind": "LOADED", "version": 3}),
        "displacedBasket": ((1, [3], 0, False), {"kind": "SAVED", "version": 3}),
    }


async def test_a_delta_costs_one_statement_and_many_changes_no_more_than_one(
    sqlite_url: str, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    async def count(caller: Caller, document: str) -> int:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "tortoise.db_client"):
            await caller.query(document)
        return len(caplog.records)

    async with serve(sqlite_url, shop) as service:
        main = service.main
        for segment in (1, 2, 3):
            for product in (1, 2, 3):
                await add(main, product, segmentRemoteId=segment)
        changes = "changes { edges { node { version by { email } %s } } }"
        lines = "lines { edges { node { sku division { name } } } }"
        totals = await count(main, "{ activeBasket(segmentRemoteId: 1) { version } }")
        for document, more in (
            (
                "activeBasket(segmentRemoteId: 1) { delta(sinceVersion: 3) { items { id } } }",
                0,
            ),
            ("activeBaskets { delta(sinceVersion: 3) { items { id } } }", 0),
            (f"activeBaskets {{ {changes % ''} }}", 1),
            # The lines, their products, and their divisions.
            (f"activeBaskets {{ {changes % lines} }}", 4),
            (f"activeBaskets {{ a: {changes % lines} }}", 4),
            ("activeBaskets { changes { totalCount edges { node { kind } } } }", 2),
            ("activeBaskets { changes { pageInfo { hasNextPage } } }", 1),
        ):
            assert (document, await count(main, f"{{ {document} }}")) == (
                document,
                totals + more,
            )
        # Divisions have no revision on SQLite: they are read anew.
        document = (
            "{ activeBaskets { delta(sinceVersion: 1) { items { divisions { id } } } } }"
        )
        assert await count(main, document) <= totals + 2


@pytest.mark.parametrize("since", ["null", '"1"', "1.5", str(2**31), "$since", ""])
async def test_an_argument_that_is_no_version_is_a_request_error(
    service: Service, since: str
) -> None:
    await add(service.main, 1)
    arguments = f"(sinceVersion: {since})" if since else ""
    declared = "query ($since: Int)" if since == "$since" else ""
    response = await service.main.post(
        f"{declared} {{ activeBasket {{ delta{arguments} {{ isComplete }} }} }}"
    )
    content = response.json()
    assert "data" not in content or content["data"] is None
    assert len(content["errors"]) == 1


async def test_a_null_version_is_an_error_of_the_delta(service: Service) -> None:
    await add(service.main, 1)
    document = "query ($since: Int = 1) { activeBasket { version delta(sinceVersion: $since) { isComplete } } }"
    data = await service.main.query(document)
    assert data["activeBasket"]["delta"] == {"isComplete": False}
    response = await service.main.post(document, since=None)
    (error,) = response.json()["errors"]
    assert error["path"] == ["activeBasket", "delta"]


async def test_deltas_cost_what_baskets_cost(service: Service) -> None:
    costs = {}
    for name, fields in {
        "items": "items { id product { id } }",
        "delta": "delta(sinceVersion: 1) { items { id product { id } } }",
        "changes": "changes { edges { node { id } } }",
        "100 changes": "changes(first: 100) { edges { node { id } } }",
        "lines": "changes(first: 2) { edges { node { lines { edges { node { sku } } } } } }",
    }.items():
        body = {"query": f"{{ activeBasket {{ {fields} }} }}", "extensions": {"cost": True}}
        headers = {"Authorization": "Token main"}
        content = (await service.client.post("/graphql", json=body, headers=headers)).json()
        costs[name] = content["extensions"]["cost"]["requested"]
    assert costs == {
        "items": 1 + 100 * 2,
        "delta": 1 + 1 + 100 * 2,
        "changes": 1 + 1 + 20 * 2,
        "100 changes": 1 + 1 + 100 * 2,
        "lines": 1 + 1 + 2 * (1 + 1 + 1 + 100 * 2),
    }


async def test_deltas_of_a_basket_are_read_from_any_status(service: Service) -> None:
    basket = await add(service.main, 1)
    await service.main.accepted("basketSave", name="Draft")
    delta = await read_delta(service.main, 1, basket["id"])
    assert delta["basket"]["status"] == "DRAFT"
    document = f'{{ node(id: "{basket["id"]}") {{ ... on Basket {{ delta(sinceVersion: 1) {{ ...Delta }} }} }} }}'
    assert (await service.main.query(document + DELTA))["node"] == {"delta": delta}
