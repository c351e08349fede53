"""Queries by tags and from memory: what is read of the database, and when the answer changes."""

import asyncio
from typing import Any, cast

import httpx
import pytest
from graphql import GraphQLObjectType

from application import schema
from models.basket.contents_cache import ContentsCache
from models.division import Division
from models.history.tables import BasketChange
from models.product.tables import Product
from models.timestamps import now
from models.user import User
from resolvers.versioned import UNVERSIONED, VERSIONED
from schema.execution.strawberry_internals import graphql_schema
from tests.support.service import Caller, Service, serve, serve_beside
from tests.support.shop import Shop
from tests.support.statements import note_statements

ITEMS = "items { id price quantity product { id name price } divisions { id division { name } } }"
READ = f"{{ activeBasket {{ id version totalQuantity {ITEMS} }} }}"
BADGE = "{ activeBasket { totalQuantity } }"
TOKEN, CHECK, FULL, SINCE = "buyers_with_tokens", "states", "full", "since"
DELTA_CHECK = "delta_states"
SHOWN = "isComplete removedItemIds items { productRemoteId product { name } } basket { totalQuantity }"


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all statements of files that are run."""
    return note_statements(monkeypatch)


async def get(
    caller: Caller, query: str, tag: str = "", **parameters: str
) -> httpx.Response:
    """Sends a query by GET, with the tag of an earlier response."""
    headers = {"Authorization": f"Token {caller.token}"} | (
        {"If-None-Match": tag} if tag else {}
    )
    return await caller.client.get(
        "/graphql", params={"query": query, **parameters}, headers=headers
    )


async def add(caller: Caller, product: int, quantity: int = 1) -> None:
    line = {"productRemoteId": product, "divisionErpCode": "ERP02", "quantity": quantity}
    await caller.accepted("basketItemsAdd", items=[line])


@pytest.fixture
async def filled(service: Service) -> Service:
    """The service, with two products in the basket of the main buyer."""
    await add(service.main, 1)
    await add(service.main, 2)
    return service


async def test_a_response_has_a_weak_tag_and_says_how_it_may_be_cached(
    filled: Service,
) -> None:
    response = await get(filled.main, READ)
    assert response.status_code == 200
    tag = response.headers["etag"]
    assert tag.startswith('W/"')
    assert tag.endswith('"')
    assert response.headers["cache-control"] == "private, no-cache"
    assert response.headers["vary"] == "Authorization, Accept, Accept-Encoding"
    assert response.json() == (await filled.main.post(READ)).json()


async def test_304_has_no_body_and_costs_one_small_statement(
    filled: Service, statements: list[str]
) -> None:
    tag = (await get(filled.main, READ)).headers["etag"]
    statements.clear()
    response = await get(filled.main, READ, tag)
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == tag
    assert response.headers["cache-control"] == "private, no-cache"
    assert response.headers["vary"] == "Authorization, Accept, Accept-Encoding"
    assert "content-type" not in response.headers
    assert statements == [TOKEN, CHECK]


async def test_a_server_that_never_made_the_response_answers_304_too(
    filled: Service, database_url: str, statements: list[str]
) -> None:
    tag = (await get(filled.main, READ)).headers["etag"]
    for cache_bytes in (2**20, 0):
        async with serve_beside(
            filled, database_url, token_kept_seconds=0, response_cache_bytes=cache_bytes
        ) as client:
            statements.clear()
            response = await get(Caller(client, "main"), READ, tag)
            assert (response.status_code, response.content) == (304, b"")
            assert statements == [TOKEN, CHECK]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_second_response_is_made_without_reading_the_basket(
    filled: Service, statements: list[str], method: str
) -> None:
    async def read() -> httpx.Response:
        if method == "GET":
            return await get(filled.main, READ)
        return await filled.main.post(READ)

    first = await read()
    statements.clear()
    second = await read()
    assert statements == [TOKEN, CHECK]
    assert second.content == first.content
    names = first.headers.keys() - {"x-request-id", "server-timing"}
    assert {name: second.headers[name] for name in names} == {
        name: first.headers[name] for name in names
    }


async def test_after_a_change_here_the_next_read_is_one_statement(
    filled: Service, statements: list[str]
) -> None:
    first = (await filled.main.post(READ)).json()["data"]["activeBasket"]
    await add(filled.main, 1)
    statements.clear()
    second = (await filled.main.post(READ)).json()["data"]["activeBasket"]
    assert second["totalQuantity"] == first["totalQuantity"] + 1
    # Where the contents of the basket are known, their state is all that is read.
    is_known = filled.application.state["catalogue"].contents.size > 0
    assert statements.count(CHECK) + statements.count(FULL) == 1
    assert statements.count(CHECK) == is_known
    statements.clear()
    assert (await filled.main.post(READ)).json()["data"]["activeBasket"] == second
    assert statements == [TOKEN, CHECK]


async def test_where_another_server_writes_before_each_read_no_check_is_paid_for(
    filled: Service, database_url: str, statements: list[str]
) -> None:
    async with serve_beside(filled, database_url, token_kept_seconds=0) as client:
        other = Caller(client, "main")
        checks = []
        for count in range(4):
            await add(other, 1)
            statements.clear()
            basket = (await filled.main.post(READ)).json()["data"]["activeBasket"]
            assert basket["totalQuantity"] == 3 + count
            checks.append(statements.count(CHECK))
        # The first read of all had nothing to check, the second one was in vain.
        assert checks == [0, 1, 0, 0]
        # Two reads that find the same are remembered again.
        await filled.main.post(READ)
        statements.clear()
        await filled.main.post(READ)
        assert statements == [TOKEN, CHECK]


OTHER_QUERIES = [
    "{ activeBasket { id changes(first: 1) { totalCount } } }",
    "{ activeBasket { items { product { refreshedAt } } } }",
    "{ activeBasket { problems { code } } }",
    "{ activeBasket { isSubmittable } }",
    "{ viewer { email } activeBasket { id } }",
    "{ draftBaskets { totalCount } }",
    "{ divisions { name } }",
    '{ node(id: "viewer_1") { id } }',
    "{ activeBasket { id } activeBaskets { isSubmittable } }",
    "query ($yes: Boolean = true) { activeBasket { id problems @include(if: $yes) { code } } }",
    "fragment F on Product { refreshedAt } { activeBasket { items { product { ...F } } } }",
    "{ activeBasket(segmentRemoteId: -1) { id } }",
    "{ __schema { queryType { name } } }",
]


async def test_other_queries_have_no_tag_and_are_never_remembered(
    filled: Service, statements: list[str]
) -> None:
    # A basket whose contents are known is checked too, whatever is selected of it.
    filled.application.state["catalogue"].contents = ContentsCache(0)
    for document in OTHER_QUERIES:
        first = await get(filled.main, document, "*")
        assert (document, first.status_code in (200, 400)) == (document, True)
        assert (document, "etag" in first.headers) == (document, False)
        statements.clear()
        await filled.main.post(document)
        assert (document, CHECK in statements) == (document, False)
        size = filled.application.state["responses"].cache.size
        assert (document, size) == (document, 0)


QUERIES_OF_BASKETS = [
    BADGE,
    "{ activeBaskets { id items { id } } }",
    "{ a: activeBasket { id } b: activeBasket { items { quantity } } }",
    "{ activeBasket { ...F } } fragment F on Basket { itemsPage(first: 1) { edges { cursor } } }",
    "query ($yes: Boolean = false) { activeBasket { id problems @include(if: $yes) { code } } }",
    "{ activeBasket { item(productRemoteId: 1) { product { variants } } __typename } }",
    '{ basket(id: "BASKET") { status items { product { sku } } } }',
    '{ node(id: "BASKET") { id ... on Basket { name items { id } } } }',
    '{ basket(id: "987654321") { id } }',
    "query A { activeBasket { version } } query B { activeBaskets { createdAt } }",
]


async def test_all_queries_of_baskets_alone_are_remembered(
    filled: Service, statements: list[str]
) -> None:
    basket = (await filled.main.query(BADGE.replace("totalQuantity", "id")))["activeBasket"]
    for each in QUERIES_OF_BASKETS:
        document = each.replace("BASKET", basket["id"])
        name = {"operationName": "B"} if "query B" in document else {}
        first = await get(filled.main, document, **name)
        assert (document, "errors" in first.json()) == (document, False)
        statements.clear()
        second = await get(filled.main, document, **name)
        assert second.content == first.content
        assert (document, set(statements)) == (document, {TOKEN, CHECK})
        unchanged = await get(filled.main, document, first.headers["etag"], **name)
        assert (document, unchanged.status_code) == (document, 304)


async def test_the_tag_tells_users_documents_variables_and_media_types_apart(
    filled: Service,
) -> None:
    document = "query A($s: Int) { activeBasket(segmentRemoteId: $s) { id } } query B { activeBasket { id } }"
    responses = [
        await get(filled.main, document, operationName="A"),
        await get(filled.main, document, operationName="B"),
        await get(filled.sub, document, operationName="A"),
        await get(filled.main, document, operationName="A", variables='{"s":1}'),
        await get(filled.main, document, operationName="A", variables='{"s":2}'),
        await get(filled.main, f"{document} ", operationName="A"),
    ]
    tags = {response.headers["etag"] for response in responses}
    assert len(tags) == 6
    for response in responses[1:]:
        again = await get(
            filled.main, document, response.headers["etag"], operationName="A"
        )
        assert again.status_code == 200


async def test_a_tag_is_found_in_a_list_and_compared_weakly(filled: Service) -> None:
    tag = (await get(filled.main, READ)).headers["etag"]
    opaque = tag.removeprefix("W/")
    for header in (tag, opaque, f'"other", {tag}', f' W/"a,b" ,, {opaque} , W/"c"', "*"):
        assert (await get(filled.main, READ, header)).status_code == 304, header
    for header in ('"other"', opaque.strip('"'), f'{tag[:-2]}"', 'W/"*"', "broken"):
        assert (await get(filled.main, READ, header)).status_code == 200, header


async def test_each_change_of_what_is_shown_changes_the_tag(filled: Service) -> None:
    division = "division { name isActive parent { name } }"
    document = f"{{ activeBasket {{ items {{ product {{ name }} divisions {{ {division} }} }} }} }}"
    seen = {(await get(filled.main, document)).headers["etag"]}

    async def changed() -> None:
        (before,) = list(seen)[-1:]
        response = await get(filled.main, document, before)
        assert response.status_code == 200
        assert response.headers["etag"] not in seen
        assert response.json() == (await filled.main.post(f"{document} ")).json()
        seen.clear()
        seen.add(response.headers["etag"])

    await Product.filter(remote_id=1).update(name="New")
    await changed()
    await Division.filter(erp_code="ERP02").update(name="renamed")
    await changed()
    await Division.filter(erp_code="ERP02").update(is_active=False)
    await changed()
    # The parent of the division that is shown.
    await Division.filter(erp_code="ERP01").update(name="above")
    await changed()
    filled.shop.sell(1, "99.00")
    await filled.main.accepted("basketRefresh", productRemoteIds=[1])
    await changed()


async def test_a_confirmation_by_commerce_alone_changes_no_tag_on_postgresql(
    postgres_url: str, shop: Shop
) -> None:
    async with serve(postgres_url, shop) as service:
        await add(service.main, 1)
        tag = (await get(service.main, READ)).headers["etag"]
        await Product.all().update(refreshed_at=now())
        assert (await get(service.main, READ, tag)).status_code == 304


async def test_a_closed_division_and_a_deactivated_user_get_nothing_remembered(
    filled: Service,
) -> None:
    tag = (await get(filled.main, READ)).headers["etag"]
    await filled.main.post(READ)
    await Division.filter(erp_code="ERP01").update(is_active=False)
    for response in (await get(filled.main, READ, tag), await filled.main.post(READ)):
        assert response.status_code == 200
        assert "etag" not in response.headers
        (error,) = response.json()["errors"]
        assert error["extensions"]["code"] == "DIVISION_INACTIVE"
    await User.filter(email="main@example.invalid").update(is_active=False)
    assert (await get(filled.main, READ, tag)).status_code == 401


async def test_every_field_of_a_basket_is_known_to_be_versioned_or_not() -> None:
    """A new field that is no column has to be added to a list, and is not remembered before."""
    assert VERSIONED & UNVERSIONED == set()
    types = {name.partition(".")[0] for name in UNVERSIONED}
    types |= {"BasketItemConnection", "BasketItemEdge", "PageInfo", "BasketItem"}
    types |= {"BasketItemDivision", "Division", "BasketDelta"}
    fields = {
        f"{name}.{field}"
        for name in types
        for field in cast(GraphQLObjectType, graphql_schema(schema).type_map[name]).fields
    }
    assert {
        name for name in VERSIONED | UNVERSIONED if name.split(".")[0] in types
    } == fields
    # Of other types only the ids, for which `node` asks.
    assert {name for name in VERSIONED if name.split(".")[0] not in types} == {
        "Viewer.id",
        "BasketChange.id",
        "Actor.id",
        "Quotation.id",
        "BasketExport.id",
    }


async def delta(caller: Caller, since: int, selection: str = SHOWN) -> dict[str, Any]:
    """Reads the delta of the active basket from a version."""
    document = f"query ($since: Int!) {{ activeBasket {{ delta(sinceVersion: $since) {{ {selection} }} }} }}"
    data = await caller.query(document, since=since)
    found: dict[str, Any] = data["activeBasket"]["delta"]
    return found


@pytest.mark.parametrize("cache_bytes", [2**20, 0])
async def test_that_nothing_has_changed_is_told_by_the_check_alone(
    filled: Service, database_url: str, statements: list[str], cache_bytes: int
) -> None:
    unchanged = {"isComplete": False, "removedItemIds": [], "items": []}
    async with serve_beside(
        filled, database_url, token_kept_seconds=0, response_cache_bytes=cache_bytes
    ) as client:
        caller = Caller(client, "main")
        for checks in (False, cache_bytes > 0):
            statements.clear()
            assert await delta(caller, 2) == unchanged | {"basket": {"totalQuantity": 2}}
            assert statements == [TOKEN, CHECK if checks else SINCE]
        # By another server, which cannot drop what is remembered here.
        await add(filled.main, 3)
        found = await delta(caller, 2)
        assert [item["productRemoteId"] for item in found["items"]] == [3]
        assert found["basket"] == {"totalQuantity": 3}
        assert await delta(caller, 3) == unchanged | {"basket": {"totalQuantity": 3}}


async def test_a_delta_is_remembered_as_long_as_its_products_are_the_same(
    filled: Service, database_url: str, statements: list[str]
) -> None:
    """On PostgreSQL; on SQLite, where divisions have no revision, each is read."""
    is_remembered = database_url.startswith("postgres")
    first = await delta(filled.main, 1)
    assert [item["productRemoteId"] for item in first["items"]] == [2]
    # A product that it does not show.
    await Product.filter(remote_id=1).update(name="Another name")
    statements.clear()
    assert await delta(filled.main, 1) == first
    assert (statements == [TOKEN, DELTA_CHECK]) is is_remembered
    await Product.filter(remote_id=2).update(name="Another name")
    for checks in ([DELTA_CHECK] if is_remembered else [], []):
        statements.clear()
        (item,) = (await delta(filled.main, 1))["items"]
        assert item["product"]["name"] == "Another name"
        assert statements[: len(checks) + 2] == [TOKEN, *checks, SINCE]


async def test_a_delta_is_forgotten_when_a_division_is_renamed(filled: Service) -> None:
    selection = "items { divisions { division { name } } }"
    await delta(filled.main, 1, selection)
    await Division.filter(erp_code="ERP02").update(name="Another name")
    (item,) = (await delta(filled.main, 1, selection))["items"]
    assert item["divisions"] == [{"division": {"name": "Another name"}}]


async def test_a_complete_delta_is_never_remembered(
    filled: Service, statements: list[str]
) -> None:
    await BasketChange.filter(version=2).delete()
    first = await delta(filled.main, 1)
    assert first["isComplete"] is True
    statements.clear()
    assert await delta(filled.main, 1) == first
    assert statements[:2] == [TOKEN, SINCE]
    assert filled.application.state["responses"].cache.size == 0


async def test_a_remembered_delta_outlives_its_history(
    filled: Service, database_url: str
) -> None:
    first = await delta(filled.main, 1)
    await BasketChange.filter(version=2).delete()
    is_remembered = database_url.startswith("postgres")
    assert (await delta(filled.main, 1) == first) is is_remembered


async def test_deltas_of_more_than_20_products_are_read_each_time(
    filled: Service, database_url: str, statements: list[str]
) -> None:
    is_remembered = database_url.startswith("postgres")
    for count in (20, 21):
        products = range(100, 100 + count)
        for product in products:
            filled.shop.sell(product, "1.00")
        await filled.main.accepted("basketClear")
        state = await filled.main.accepted(
            "basketItemsAdd",
            items=[
                {"productRemoteId": product, "divisionErpCode": "ERP02"}
                for product in products
            ],
        )
        since = state["version"] - 1
        first = await delta(filled.main, since)
        assert len(first["items"]) == count
        statements.clear()
        assert await delta(filled.main, since) == first
        assert (DELTA_CHECK in statements) is (is_remembered and count == 20)


@pytest.mark.parametrize(
    "more",
    [
        "items { id }",
        "item(productRemoteId: 1) { id }",
        "old: delta(sinceVersion: 1) { items { id } }",
    ],
)
async def test_a_delta_beside_items_is_read_each_time(
    filled: Service, statements: list[str], more: str
) -> None:
    document = f"{{ activeBasket {{ delta(sinceVersion: 2) {{ isComplete }} {more} }} }}"
    first = await filled.main.query(document)
    statements.clear()
    assert await filled.main.query(document) == first
    # SQLite reads the divisions of items, too.
    assert statements[:2] == [TOKEN, SINCE]


async def test_304_tells_that_nothing_has_changed_since_a_version(filled: Service) -> None:
    query = (
        "{ activeBasket { delta(sinceVersion: 2) { items { id } basket { version } } } }"
    )
    tag = (await get(filled.main, query)).headers["etag"]
    assert (await get(filled.main, query, tag)).status_code == 304
    await add(filled.main, 1)
    changed = await get(filled.main, query, tag)
    assert changed.status_code == 200
    assert len(changed.json()["data"]["activeBasket"]["delta"]["items"]) == 1


async def test_writers_and_readers_at_once_never_see_a_version_go_back(
    filled: Service, database_url: str
) -> None:
    """Each read is as new as every change that was answered before it began."""
    newest = 0

    async def write(caller: Caller) -> None:
        nonlocal newest
        for _ in range(10):
            line = {"productRemoteId": 1, "divisionErpCode": "ERP02"}
            payload = await caller.change(
                "basketItemsAdd", "basket { version }", items=[line]
            )
            newest = max(newest, payload["basket"]["version"])

    async def read(caller: Caller) -> None:
        for _ in range(20):
            known = newest
            basket = (await caller.query(READ))["activeBasket"]
            assert basket["version"] >= known
            # Versions 1 and 2 hold one unit each, and each change adds one.
            assert basket["totalQuantity"] == basket["version"]
            assert sum(item["quantity"] for item in basket["items"]) == basket["version"]

    async with serve_beside(filled, database_url) as client:
        other = Caller(client, "main")
        async with asyncio.TaskGroup() as group:
            for caller in (filled.main, other):
                group.create_task(write(caller))
                group.create_task(read(caller))
                group.create_task(read(caller))
