"""The changes of a basket: who made which version, when, how, and the lines it changed."""

from base64 import urlsafe_b64encode
from datetime import datetime
from typing import Any

from models.history.tables import BasketChange, ChangeOrigin
from models.user import User
from tests.support.lines import line
from tests.support.service import Caller, Service, number_in
from tests.support.statements import statement

CHANGE = """
fragment Change on BasketChange {
  id version kind origin by { email firstName lastName } createdAt
  currency totalAmount totalQuantity lineCount
}
"""
LINES = """
fragment Lines on BasketChangeLineConnection {
  totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  edges { cursor node {
    productRemoteId sku division { erpCode }
    quantityBefore quantityAfter priceBefore priceAfter currencyBefore currencyAfter
  } }
}
"""
PAGE = (
    "totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } "
    "edges { cursor node { version } }"
)
MAIN = {"email": "main@example.invalid", "firstName": "Main", "lastName": "Buyer"}

Json = dict[str, Any]


async def add(caller: Caller, *products: int) -> Json:
    """Adds products and returns the basket."""
    return await caller.accepted("basketItemsAdd", items=[line(each) for each in products])


async def change_five_times(service: Service) -> None:
    """Makes five versions of the active basket of `main`."""
    for product in (1, 2, 3, 4, 1):
        await add(service.main, product)


async def read_page(caller: Caller, arguments: str = "") -> Json:
    """Reads a page of changes of the active basket."""
    data = await caller.query(f"{{ activeBasket {{ changes{arguments} {{ {PAGE} }} }} }}")
    page: Json = data["activeBasket"]["changes"]
    return page


def versions_of(page: Json) -> list[int]:
    """Returns the versions of a page."""
    return [edge["node"]["version"] for edge in page["edges"]]


async def read_changes(caller: Caller, arguments: str = "") -> list[Json]:
    """Reads the changes of the active basket with all their lines."""
    data = await caller.query(
        f"{{ activeBasket {{ changes{arguments} {{ edges {{ node {{ ...Change lines {{ ...Lines }} }} }} }} }} }}"
        + CHANGE
        + LINES
    )
    return [edge["node"] for edge in data["activeBasket"]["changes"]["edges"]]


def lines_of(change: Json) -> list[tuple[Any, ...]]:
    """Returns the lines of a change: product, division, quantities and prices before and after."""
    return [
        (
            node["productRemoteId"],
            node["division"] and node["division"]["erpCode"],
            (node["quantityBefore"], node["quantityAfter"]),
            (node["priceBefore"], node["priceAfter"]),
            (node["currencyBefore"], node["currencyAfter"]),
        )
        for node in (edge["node"] for edge in change["lines"]["edges"])
    ]


async def test_a_change_says_who_made_it_how_and_what_it_came_to(service: Service) -> None:
    basket = await add(service.main, 1, 2)
    (change,) = await read_changes(service.main)
    assert datetime.fromisoformat(change.pop("createdAt")).utcoffset() is not None
    assert change.pop("id").startswith("change_")
    assert lines_of(change) == [
        (1, "ERP01", (0, 1), (None, "10.55"), (None, "try")),
        (2, "ERP01", (0, 1), (None, "20.00"), (None, "try")),
    ]
    del change["lines"]
    assert change == {
        "version": 1,
        "kind": "ITEMS_ADDED",
        "origin": "GRAPHQL",
        "by": MAIN,
        "currency": "try",
        "totalAmount": basket["totalAmount"],
        "totalQuantity": 2,
        "lineCount": 2,
    }


async def test_every_mutation_has_its_kind_and_its_lines(service: Service) -> None:
    main = service.main
    await add(main, 1, 2)
    await main.accepted(
        "basketItemUpdate",
        productRemoteId=1,
        divisionId=service.division("ERP02"),
        quantity=5,
    )
    service.shop.sell(2, "21.00")
    await main.accepted("basketRefresh")
    await main.accepted("basketItemRemove", productRemoteId=1)
    await main.accepted("basketClear")
    await add(main, 3)
    basket = await main.accepted("basketSave", name="Draft")
    await main.accepted("basketLoad", basketId=basket["id"])
    await main.change("quotationRequest", "quotation { id }", name="Q")
    data = await main.query(
        f'{{ basket(id: "{basket["id"]}") {{ changes {{ edges {{ node {{ ...Change lines {{ ...Lines }} }} }} }} }} }}'
        + CHANGE
        + LINES
    )
    changes = [edge["node"] for edge in data["basket"]["changes"]["edges"]]
    found = [
        (each["version"], each["kind"], each["currency"], lines_of(each))
        for each in reversed(changes)
    ]
    held, kept = ("10.55", "10.55"), ("try", "try")
    assert found[1:] == [
        (2, "ITEM_UPDATED", "try", [(1, "ERP02", (0, 5), held, kept)]),
        (3, "REFRESHED", "try", [(2, None, (1, 1), ("20.00", "21.00"), kept)]),
        (
            4,
            "ITEM_REMOVED",
            "try",
            [
                (1, "ERP01", (1, 0), ("10.55", None), ("try", None)),
                (1, "ERP02", (5, 0), ("10.55", None), ("try", None)),
            ],
        ),
        (5, "CLEARED", None, [(2, "ERP01", (1, 0), ("21.00", None), ("try", None))]),
        (6, "ITEMS_ADDED", "try", [(3, "ERP01", (0, 1), (None, "10.00"), (None, "try"))]),
        (7, "SAVED", "try", []),
        (8, "LOADED", "try", []),
        (9, "SUBMITTED", "try", []),
    ]


async def test_changes_are_newest_first_and_twenty_a_page(service: Service) -> None:
    for _ in range(22):
        await add(service.main, 1)
    page = await read_page(service.main)
    assert versions_of(page) == list(range(22, 2, -1))
    assert page["totalCount"] == 22
    assert page["pageInfo"]["hasNextPage"] is True
    assert versions_of(await read_page(service.main, "(last: 2)")) == [2, 1]
    assert len(versions_of(await read_page(service.main, "(first: 100)"))) == 22


async def test_pages_hold_every_change_once_in_both_directions(service: Service) -> None:
    await change_five_times(service)
    for size in range(1, 6):
        for take, bound, forward in (("first", "after", True), ("last", "before", False)):
            seen: list[int] = []
            cursor, is_first, has_more = "", True, True
            while has_more:
                page = await read_page(service.main, f"({take}: {size}{cursor})")
                info, cursors = page["pageInfo"], [each["cursor"] for each in page["edges"]]
                found = versions_of(page)
                seen = seen + found if forward else found + seen
                has_more = info["hasNextPage" if forward else "hasPreviousPage"]
                assert has_more == (len(seen) < 5)
                assert info["hasPreviousPage" if forward else "hasNextPage"] == (
                    not is_first
                )
                assert [info["startCursor"], info["endCursor"]] == [cursors[0], cursors[-1]]
                cursor = f', {bound}: "{cursors[-1 if forward else 0]}"'
                is_first = False
            assert seen == [5, 4, 3, 2, 1]


async def test_a_page_beyond_the_history_is_empty_and_tells_the_truth(
    service: Service,
) -> None:
    await change_five_times(service)
    edges = (await read_page(service.main))["edges"]
    page = await read_page(service.main, f'(first: 2, after: "{edges[-1]["cursor"]}")')
    empty = {"startCursor": None, "endCursor": None}
    assert page == {
        "edges": [],
        "totalCount": 5,
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": True, **empty},
    }
    page = await read_page(service.main, f'(last: 2, before: "{edges[0]["cursor"]}")')
    assert page["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False, **empty}


async def test_deleted_history_leaves_the_rest(service: Service) -> None:
    await change_five_times(service)
    edges = (await read_page(service.main))["edges"]
    await BasketChange.filter(version__lte=3).delete()
    page = await read_page(service.main)
    assert (versions_of(page), page["totalCount"]) == ([5, 4], 2)
    page = await read_page(service.main, f'(first: 2, after: "{edges[2]["cursor"]}")')
    assert (page["edges"], page["pageInfo"]["hasPreviousPage"]) == ([], True)
    await BasketChange.all().delete()
    page = await read_page(service.main, f'(first: 2, after: "{edges[2]["cursor"]}")')
    assert page["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }
    assert page["totalCount"] == 0


def encoded(text: str) -> str:
    """Writes a cursor by hand."""
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


async def code_of(caller: Caller, document: str) -> str:
    """Sends a query that must fail and returns the code."""
    content = (await caller.post(document)).json()
    (error,) = content["errors"]
    code: str = error["extensions"]["code"]
    return code


async def test_pages_that_cannot_be_are_rejected(service: Service) -> None:
    basket = await add(service.main, 1)
    foreign = encoded("changes basket_999 1")
    items = encoded(f"items {basket['id']} 1")
    for arguments in (
        "first: 0", "first: 101", "last: 101", "first: 1, last: 1", 'after: "x"',
        f'after: "{foreign}"', f'after: "{items}"', f'before: "{encoded("changes " + basket["id"] + " 0")}"',
    ):  # fmt: skip
        for below in ("totalCount", "edges { node { lines { totalCount } } }"):
            document = f"{{ activeBasket {{ changes({arguments}) {{ {below} }} }} }}"
            assert (arguments, await code_of(service.main, document)) == (
                arguments,
                "INVALID_INPUT",
            )
        lines = f"{{ activeBasket {{ changes {{ edges {{ node {{ lines({arguments}) {{ totalCount }} }} }} }} }} }}"
        assert (arguments, await code_of(service.main, lines)) == (
            arguments,
            "INVALID_INPUT",
        )
    far = encoded(f"changes {basket['id']} {2**63 - 1}")
    assert versions_of(await read_page(service.main, f'(after: "{far}")')) == [1]
    assert versions_of(await read_page(service.main, f'(before: "{far}")')) == []


async def test_a_cursor_is_good_in_its_own_basket_only(service: Service) -> None:
    await change_five_times(service)
    basket = await service.main.accepted(
        "basketItemsAdd", items=[line(4)], segmentRemoteId=1
    )
    cursor = encoded(f"changes {basket['id']} 1")
    document = f'{{ activeBaskets {{ id changes(first: 1, after: "{cursor}") {{ totalCount }} }} }}'
    assert await code_of(service.main, document) == "INVALID_INPUT"


async def test_lines_are_in_pages_of_a_hundred(service: Service) -> None:
    for product in range(1, 231):
        service.shop.sell(product, "1.00")
    await add(service.main, *range(1, 231))
    (change,) = await read_changes(service.main)
    page = change["lines"]
    assert [each[0] for each in lines_of(change)] == list(range(1, 101))
    assert (page["totalCount"], change["lineCount"]) == (230, 230)
    seen = []
    cursor, has_more = "", True
    while has_more:
        data = await service.main.query(
            "{ activeBasket { changes(first: 1) { edges { node { "
            f"lines(first: 70{cursor}) {{ ...Lines }} }} }} }} }} }} {LINES}"
        )
        (edge,) = data["activeBasket"]["changes"]["edges"]
        page = edge["node"]["lines"]
        seen += [each[0] for each in lines_of(edge["node"])]
        has_more = page["pageInfo"]["hasNextPage"]
        assert page["pageInfo"]["hasPreviousPage"] == bool(cursor)
        cursor = f', after: "{page["pageInfo"]["endCursor"]}"'
    assert seen == list(range(1, 231))
    data = await service.main.query(
        f"{{ activeBasket {{ changes {{ edges {{ node {{ lines(last: 2) {{ ...Lines }} }} }} }} }} }} {LINES}"
    )
    (edge,) = data["activeBasket"]["changes"]["edges"]
    assert [each[0] for each in lines_of(edge["node"])] == [229, 230]


async def test_pages_of_several_sizes_are_read_side_by_side(service: Service) -> None:
    await change_five_times(service)
    data = await service.main.query(
        "query ($n: Int) { activeBasket { a: changes(first: 1) { totalCount } "
        "b: changes(last: $n) { edges { node { version one: lines(first: 1) { totalCount } "
        "lines { edges { cursor } } } } } ...More } } fragment More on Basket { changes { edges { node { kind } } } "
        "b: changes(last: $n) { edges { node { kind } } } }",
        n=2,
    )
    basket = data["activeBasket"]
    assert basket["a"] == {"totalCount": 5}
    assert [edge["node"]["version"] for edge in basket["b"]["edges"]] == [2, 1]
    assert [edge["node"]["kind"] for edge in basket["b"]["edges"]] == ["ITEMS_ADDED"] * 2
    assert len(basket["changes"]["edges"]) == 5


async def test_an_erased_user_and_a_command_have_no_name(service: Service) -> None:
    for _ in range(3):
        await add(service.main, 1)
    await BasketChange.filter(version=2).update(user_id=987654)
    await BasketChange.filter(version=3).update(origin=ChangeOrigin.COMMAND_LINE)
    changes = await read_changes(service.main)
    assert [change["by"] for change in changes] == [None, None, MAIN]
    assert [change["origin"] for change in changes] == [
        "COMMAND_LINE",
        "GRAPHQL",
        "GRAPHQL",
    ]


async def test_a_change_of_a_colleague_names_the_colleague(service: Service) -> None:
    await add(service.main, 1)
    sub = await User.get(email="sub@example.invalid")
    await BasketChange.filter(version=1).update(user_id=sub.id)
    (change,) = await read_changes(service.main)
    assert change["by"]["email"] == "sub@example.invalid"


async def test_a_line_whose_division_is_gone_still_tells_its_product(
    service: Service,
) -> None:
    await add(service.main, 1)
    change = await BasketChange.get(version=1)
    text = (change.lines or "").replace('"divisions":[1]', '"divisions":[987654]')
    text = text.replace('"divisions" : [1]', '"divisions" : [987654]')
    await BasketChange.filter(version=1).update(lines=text)
    (found,) = await read_changes(service.main)
    assert lines_of(found)[0][:2] == (1, None)


async def test_lines_in_a_format_of_another_release_are_an_error_that_says_so(
    service: Service,
) -> None:
    await change_five_times(service)
    await BasketChange.filter(version=4).update(lines='{"format": 2}')
    document = (
        "{ activeBasket { changes { edges { node { version lines { totalCount } } } } } }"
    )
    content = (await service.main.post(document)).json()
    (error,) = content["errors"]
    assert error["message"] == (
        "The lines of a change are stored in format 2, and this server reads format 1."
    )
    assert error["path"] == ["activeBasket", "changes", "edges", 1, "node", "lines"]
    assert error["extensions"] == {"code": "UNKNOWN_FORMAT"}
    document = "{ activeBasket { changes { edges { node { version lineCount } } } } }"
    data = await service.main.query(document)
    assert len(data["activeBasket"]["changes"]["edges"]) == 5


async def test_a_word_of_another_release_is_an_error_where_it_is_selected(
    service: Service,
) -> None:
    await change_five_times(service)
    # Not by the model, which knows no such words either.
    await statement(
        "UPDATE basket_change SET kind = 'MERGED', origin = 'APP' WHERE version = 4"
    ).rows()
    document = "{ activeBasket { changes { edges { node { version %s } } } } }"
    data = await service.main.query(document % "lineCount")
    assert versions_of(data["activeBasket"]["changes"]) == [5, 4, 3, 2, 1]
    for name, word in (("kind", "MERGED"), ("origin", "APP")):
        (error,) = (await service.main.post(document % name)).json()["errors"]
        assert error["message"] == (
            f"The {name} of a change is {word}, which this server does not know."
        )
        assert error["path"] == ["activeBasket", "changes", "edges", 1, "node", name]
        assert error["extensions"] == {"code": "UNKNOWN_FORMAT"}


async def test_a_change_is_found_by_its_id_with_its_lines(service: Service) -> None:
    await add(service.main, 1)
    (change,) = await read_changes(service.main)
    document = (
        f'{{ node(id: "{change["id"]}") {{ __typename ...Change ... on BasketChange {{ lines {{ ...Lines }} }} }} }}'
        + CHANGE
        + LINES
    )
    assert await service.main.query(document) == {
        "node": {"__typename": "BasketChange", **change}
    }
    assert await service.sub.query(document) == {"node": None}


async def test_an_author_is_found_by_those_whose_basket_they_changed(
    service: Service,
) -> None:
    await add(service.main, 1)
    data = await service.main.query(
        "{ viewer { id } activeBasket { changes { edges { node { by { id } } } } } }"
    )
    author = data["activeBasket"]["changes"]["edges"][0]["node"]["by"]["id"]
    assert author != data["viewer"]["id"]
    document = f'{{ node(id: "{author}") {{ __typename id ... on Actor {{ email }} }} }}'
    node = {"__typename": "Actor", "id": author, "email": MAIN["email"]}
    assert await service.main.query(document) == {"node": node}
    assert await service.sub.query(document) == {"node": None}
    await service.sub.accepted("basketItemsAdd", items=[line(division="ERP02")])
    assert await service.sub.query(document) == {"node": None}
    # Somebody else may have changed the basket of `sub`, who then may know them.
    basket = await service.sub.query("{ activeBasket { id } }")
    change = BasketChange.filter(basket_id=number_in(basket["activeBasket"]["id"]))
    main = await User.get(email=MAIN["email"])
    await change.update(user_id=main.id)
    assert await service.sub.query(document) == {"node": node}
    await change.update(origin=ChangeOrigin.COMMAND_LINE)
    assert await service.sub.query(document) == {"node": None}
