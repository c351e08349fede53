"""Saving, loading, deleting, and what is shown of drafts."""

from base64 import urlsafe_b64encode

from tests.support.service import Caller, Service
from tests.support.statements import statement


async def fill(
    caller: Caller, product: int = 1, quantity: int = 1, segment: int | None = None
) -> str:
    """Adds a product and returns the basket's id."""
    items = [{"productRemoteId": product, "divisionErpCode": "ERP02", "quantity": quantity}]
    basket = await caller.accepted("basketItemsAdd", items=items, segmentRemoteId=segment)
    return str(basket["id"])


async def draft_names(caller: Caller) -> list[tuple[str, str | None]]:
    """Returns ids and names of the drafts, as listed."""
    data = await caller.query("{ draftBaskets { edges { node { id name } } } }")
    return [
        (edge["node"]["id"], edge["node"]["name"]) for edge in data["draftBaskets"]["edges"]
    ]


async def test_saving_makes_a_named_draft_and_leaves_no_active_basket(
    service: Service,
) -> None:
    identifier = await fill(service.main)
    draft = await service.main.accepted("basketSave", name="  Basket 1 ")
    assert (draft["id"], draft["status"], draft["name"], draft["version"]) == (
        identifier,
        "DRAFT",
        "Basket 1",
        2,
    )
    assert await service.main.basket() is None
    assert await draft_names(service.main) == [(identifier, "Basket 1")]


async def test_saving_needs_a_basket_and_a_name(service: Service) -> None:
    assert await service.main.rejected("basketSave", name="x") == [
        ("BASKET_NOT_FOUND", ["segmentRemoteId"])
    ]
    await fill(service.main)
    assert await service.main.rejected("basketSave", name="   ") == [
        ("NAME_REQUIRED", ["name"])
    ]
    assert await service.main.rejected("basketSave", name="x" * 256) == [
        ("INVALID_INPUT", ["name"])
    ]
    assert await service.main.rejected("basketSave", name="a\u0000b") == [
        ("INVALID_INPUT", ["name"])
    ]
    assert await service.main.rejected("basketSave", name="x", expectedVersion=7) == [
        ("VERSION_CONFLICT", ["expectedVersion"])
    ]


async def test_loading_makes_a_draft_active_again(service: Service) -> None:
    identifier = await fill(service.main)
    await service.main.accepted("basketSave", name="Basket 1")
    basket = await service.main.accepted("basketLoad", basketId=identifier)
    assert (basket["id"], basket["status"], basket["name"], basket["version"]) == (
        identifier,
        "ACTIVE",
        "Basket 1",
        3,
    )
    assert await service.main.basket() == basket
    assert await draft_names(service.main) == []


async def test_loading_makes_a_filled_active_basket_an_unnamed_draft(
    service: Service,
) -> None:
    first = await fill(service.main, 1)
    await service.main.accepted("basketSave", name="Basket 1")
    second = await fill(service.main, 2)
    await service.main.accepted("basketLoad", basketId=first)
    assert await draft_names(service.main) == [(second, None)]


async def test_loading_makes_an_empty_active_basket_vanish(service: Service) -> None:
    first = await fill(service.main, 1)
    await service.main.accepted("basketSave", name="Basket 1")
    second = await fill(service.main, 2)
    await service.main.accepted("basketClear")
    await service.main.accepted("basketLoad", basketId=first)
    assert await draft_names(service.main) == []
    assert (
        await service.main.query(
            "query One($id: ID!) { basket(id: $id) { id } }", id=second
        )
    )["basket"] is None


async def test_loading_keeps_to_the_segment_of_the_draft(service: Service) -> None:
    draft = await fill(service.main, 1, segment=5)
    await service.main.accepted("basketSave", name="Five", segmentRemoteId=5)
    plain = await fill(service.main, 2)
    await service.main.accepted("basketLoad", basketId=draft)
    data = await service.main.query("{ activeBaskets { id segmentRemoteId } }")
    assert data["activeBaskets"] == [
        {"id": plain, "segmentRemoteId": None},
        {"id": draft, "segmentRemoteId": 5},
    ]


async def test_only_drafts_of_ones_own_are_loaded_and_deleted(service: Service) -> None:
    active = await fill(service.main)
    foreign = await fill(service.sub)
    await service.sub.accepted("basketSave", name="Theirs")
    for mutation in ("basketLoad", "basketDelete"):
        assert await service.main.rejected(mutation, basketId=active) == [
            ("BASKET_NOT_DRAFT", ["basketId"])
        ]
        for unknown in (foreign, "999999", "no-number", "9" * 30):
            assert await service.main.rejected(mutation, basketId=unknown) == [
                ("BASKET_NOT_FOUND", ["basketId"])
            ]
    await service.main.change("quotationRequest", "quotation { id }", name="Q")
    for mutation in ("basketLoad", "basketDelete"):
        assert await service.main.rejected(mutation, basketId=active) == [
            ("BASKET_NOT_DRAFT", ["basketId"])
        ]


async def test_deleting_a_draft_leaves_nothing_of_it(service: Service) -> None:
    identifier = await fill(service.main)
    await service.main.accepted("basketSave", name="Basket 1")
    payload = await service.main.change(
        "basketDelete", "deletedBasketId", basketId=identifier
    )
    assert payload == {"deletedBasketId": identifier, "userErrors": []}
    assert await draft_names(service.main) == []


async def test_drafts_come_a_page_at_a_time_most_recently_saved_first(
    service: Service,
) -> None:
    ids = []
    for number in range(5):
        ids.append(await fill(service.main))
        await service.main.accepted("basketSave", name=f"Basket {number}")
    document = """query Page($after: String) { draftBaskets(first: 2, after: $after) {
      totalCount edges { node { id items { quantity } } } pageInfo { hasNextPage hasPreviousPage endCursor } } }"""
    seen, after = [], None
    for has_next, has_previous in ((True, False), (True, True), (False, True)):
        page = (await service.main.query(document, after=after))["draftBaskets"]
        seen += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (5, has_next)
        assert page["pageInfo"]["hasPreviousPage"] == has_previous
    assert seen == ids[::-1]


async def test_a_page_that_cannot_be_is_an_error_with_a_code(service: Service) -> None:
    huge = urlsafe_b64encode(b"9999-12-31T23:59:59-23:00 " + b"9" * 30).decode()
    for arguments in (
        "first: 0",
        "first: 101",
        'after: "nonsense"',
        'after: "////"',
        f'after: "{huge}"',
    ):
        response = await service.main.post(
            f"{{ draftBaskets({arguments}) {{ totalCount }} }}"
        )
        assert response.json()["errors"][0]["extensions"] == {"code": "INVALID_INPUT"}


async def test_a_basket_of_another_user_answers_as_one_that_does_not_exist(
    service: Service,
) -> None:
    identifier = await fill(service.sub)
    document = "query One($id: ID!) { basket(id: $id) { id totalQuantity } }"
    assert (await service.main.query(document, id=identifier)) == {"basket": None}
    assert (await service.main.query(document, id="999999")) == {"basket": None}
    assert (await service.sub.query(document, id=identifier))["basket"] == {
        "id": identifier,
        "totalQuantity": 1,
    }


async def test_a_status_of_a_newer_release_is_named_and_others_are_shown(
    service: Service,
) -> None:
    identifier = await fill(service.main)
    await service.main.accepted("basketSave", name="A")
    await statement("UPDATE basket SET status = 'ARCHIVED'").rows()
    await fill(service.main, 2)
    message = (
        "Another release has stored the basket, and this server cannot read it: "
        "'ARCHIVED' is not a valid BasketStatus. Ask again later."
    )
    for field in ("basket", "node"):
        document = f'{{ {field}(id: "{identifier}") {{ id }} }}'
        (error,) = (await service.main.post(document)).json()["errors"]
        assert (error["message"], error["path"]) == (message, [field])
        assert error["extensions"]["code"] == "INVALID_INPUT"
    before = await service.main.everything()
    assert len(before["activeBaskets"]) == 1
    for mutation in ("basketLoad", "basketDelete", "basketCopy", "basketExport"):
        (told,) = (await service.main.change(mutation, "__typename", basketId=identifier))[
            "userErrors"
        ]
        assert told == {
            "code": "INVALID_INPUT",
            "message": message,
            "field": ["basketId"],
        }
    assert await service.main.everything() == before
