"""Quotation requests."""

from models.division import Division
from tests.support.service import Caller, Service, serve_beside

QUOTATION = """quotation { number name status totalAmount currency basket { id status totalQuantity } }
basket { id status version }"""


async def fill(caller: Caller) -> str:
    """Adds two pieces of the first product for ERP02 and returns the basket's id."""
    items = [{"productRemoteId": 1, "divisionErpCode": "ERP02", "quantity": 2}]
    return str((await caller.accepted("basketItemsAdd", items=items))["id"])


async def test_a_main_division_issues_a_pending_quotation(service: Service) -> None:
    identifier = await fill(service.main)
    payload = await service.main.change("quotationRequest", QUOTATION, name=" Spring ")
    assert payload == {
        "quotation": {
            "number": "Q-000001",
            "name": "Spring",
            "status": "PENDING",
            "totalAmount": "21.10",
            "currency": "try",
            "basket": {"id": identifier, "status": "SUBMITTED", "totalQuantity": 2},
        },
        "basket": {"id": identifier, "status": "SUBMITTED", "version": 2},
        "userErrors": [],
    }
    assert await service.main.basket() is None


async def test_a_sub_division_awaits_approval_unless_it_is_switched_off(
    service: Service, database_url: str
) -> None:
    await fill(service.sub)
    payload = await service.sub.change(
        "quotationRequest", "quotation { status }", name="One"
    )
    assert payload["quotation"] == {"status": "AWAITING_APPROVAL"}
    await fill(service.sub)
    async with serve_beside(service, database_url, quotation_approval=False) as client:
        payload = await Caller(client, "sub").change(
            "quotationRequest", "quotation { status }", name="Two"
        )
    assert payload["quotation"] == {"status": "PENDING"}


async def test_an_empty_or_missing_basket_a_blank_name_and_a_stale_version_are_rejected(
    service: Service,
) -> None:
    async def rejected(**given: object) -> list[tuple[str, list[str]]]:
        return await service.main.rejected("quotationRequest", **given)

    assert await rejected(name="Q") == [("BASKET_NOT_FOUND", ["segmentRemoteId"])]
    await fill(service.main)
    assert await rejected(name="") == [("NAME_REQUIRED", ["name"])]
    assert await rejected(name="Q", expectedVersion=2) == [
        ("VERSION_CONFLICT", ["expectedVersion"])
    ]
    await service.main.accepted("basketClear")
    assert await rejected(name="Q") == [("BASKET_EMPTY", ["segmentRemoteId"])]


async def test_a_basket_for_a_division_closed_meanwhile_is_rejected(
    service: Service,
) -> None:
    await fill(service.main)
    await Division.filter(erp_code="ERP02").update(is_active=False)
    assert await service.main.rejected("quotationRequest", name="Q") == [
        ("BASKET_HAS_PROBLEMS", [])
    ]
    two = service.division("ERP02")
    basket = await service.main.accepted(
        "basketItemUpdate", productRemoteId=1, divisionId=two, quantity=0
    )
    assert basket["items"] == []


async def test_quotations_are_listed_newest_first_with_their_baskets(
    service: Service,
) -> None:
    ids = []
    for number in range(3):
        ids.append(await fill(service.main))
        await service.main.change("quotationRequest", "quotation { id }", name=f"Q{number}")
    document = """query Page($after: String) { quotations(first: 2, after: $after) { totalCount
      edges { node { name basket { id items { quantity } } } } pageInfo { hasNextPage endCursor } } }"""
    first = (await service.main.query(document, after=None))["quotations"]
    assert [
        (edge["node"]["name"], edge["node"]["basket"]["id"]) for edge in first["edges"]
    ] == [
        ("Q2", ids[2]),
        ("Q1", ids[1]),
    ]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    last = (await service.main.query(document, after=first["pageInfo"]["endCursor"]))[
        "quotations"
    ]
    assert [edge["node"]["basket"] for edge in last["edges"]] == [
        {"id": ids[0], "items": [{"quantity": 2}]}
    ]
    assert (await service.sub.everything())["quotations"] == {"totalCount": 0, "edges": []}
