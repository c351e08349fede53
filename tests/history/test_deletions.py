"""Baskets and changes that retention deletes between two reads of one request."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from models.basket.prices import Repriced
from models.basket.rows import BasketRows
from models.history.tables import BasketChange
from models.quotation import Quotation
from resolvers import change_lines, changes, lists
from resolvers.outcome import Outcome
from tests.support.lines import line
from tests.support.service import Service

Call = Callable[..., Awaitable[Any]]


def put_before(call: Call, delete: Callable[[], Awaitable[None]]) -> Call:
    """Returns a function that deletes something first, as a sweep does in another process."""

    async def delete_and_call(*given: Any) -> Any:
        await delete()
        return await call(*given)

    return delete_and_call


async def quote(service: Service, name: str) -> None:
    """Requests a quotation."""
    await service.main.accepted("basketItemsAdd", items=[line(1)])
    await service.main.change("quotationRequest", "quotation { id }", name=name)


QUOTATIONS = """{ quotations(first: 3) {
  edges { cursor node { name basket { items { quantity } } } }
  pageInfo { hasNextPage endCursor }
} }"""


async def test_a_quotation_that_is_deleted_while_a_page_is_read_is_left_out(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ABCD":
        await quote(service, name)
    before = (await service.main.query(QUOTATIONS))["quotations"]

    async def delete() -> None:
        quotation = await Quotation.get(name="C").select_related("basket")
        await quotation.delete()
        await quotation.basket.delete()

    with monkeypatch.context() as patched:
        read = put_before(lists._find_baskets, delete)
        patched.setattr(lists, "_find_baskets", read)
        page = (await service.main.query(QUOTATIONS))["quotations"]
    newest, _, oldest = before["edges"]
    assert [newest["node"]["name"], oldest["node"]["name"]] == ["D", "B"]
    assert page == {"edges": [newest, oldest], "pageInfo": before["pageInfo"]}
    after = (await service.main.query(QUOTATIONS))["quotations"]
    assert [edge["node"]["name"] for edge in after["edges"]] == ["D", "B", "A"]


CHANGES = """{ activeBasket { changes { edges { node {
  version lines { edges { node { sku } } } few: lines(last: 1) { totalCount }
} } } } }"""


async def test_a_change_that_is_deleted_while_its_lines_are_read_is_unknown(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for product in (1, 2):
        await service.main.accepted("basketItemsAdd", items=[line(product)])

    async def delete() -> None:
        await BasketChange.filter(version=1).delete()

    with monkeypatch.context() as patched:
        read = put_before(change_lines.prepare_lines, delete)
        patched.setattr(changes, "prepare_lines", read)
        response = (await service.main.post(CHANGES)).json()
    place = ["activeBasket", "changes", "edges", 1, "node"]
    error = response["errors"][0]
    assert (error["path"], error["extensions"]["code"]) == (
        [*place, "lines"],
        "VERSION_UNKNOWN",
    )
    assert error["message"] == (
        "The history of the basket no longer reaches back to version 1."
    )
    after = (await service.main.query(CHANGES))["activeBasket"]["changes"]["edges"]
    assert [edge["node"]["version"] for edge in after] == [2]


def test_a_basket_that_is_deleted_between_its_change_and_its_reading_is_null() -> None:
    gone = BasketRows([], full=True)
    price = Repriced(1, 1, "SKU01", 100, "try", 200, "try")
    outcome = Outcome(gone, gone, price_changes=[price], unavailable=[1])
    assert (outcome.basket, outcome.displaced_basket) == (None, None)
    assert [change.item for change in outcome.changed_items] == [None]
    assert outcome.unavailable_items == []
