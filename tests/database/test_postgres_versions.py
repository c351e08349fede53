"""The oldest and the newest PostgreSQL of docs/database.md; other tests use the machine's."""

import pytest

from models.basket.add import MANY_LINES
from models.database.connection import migrate_forward
from tests.support.lines import line
from tests.support.postgres_cluster import own_cluster
from tests.support.reverts import quantities
from tests.support.service import Caller, serve
from tests.support.shop import Shop

DELTA = "basket { version delta(sinceVersion: 1) { isComplete items { productRemoteId } } }"


@pytest.mark.long
@pytest.mark.parametrize("version", [12, 18])
async def test_baskets_are_changed_on_it(version: int, shop: Shop) -> None:
    with own_cluster(version) as cluster:
        await migrate_forward(cluster.url)
        async with serve(cluster.url, shop) as service:
            await change_in_every_way(service.main)


async def change_in_every_way(buyer: Caller) -> None:
    """Adds, sets, reverts, saves, copies and requests, and compares the quantities."""
    await buyer.accepted("basketItemsAdd", items=[line(1)])
    many = [line(number % 3 + 1, "ERP02") for number in range(MANY_LINES)]
    added = await buyer.accepted("basketItemsAdd", items=many)
    assert quantities(added) == {
        1: {"ERP01": 1, "ERP02": 5},
        2: {"ERP02": 5},
        3: {"ERP02": 5},
    }
    payload = await buyer.change("basketItemsSet", DELTA, items=[line(2, "ERP02", 7)])
    delta = payload["basket"]["delta"]
    assert not delta["isComplete"]
    assert {item["productRemoteId"] for item in delta["items"]} == {1, 2, 3}
    reverted = await buyer.accepted("basketRevert", toVersion=1)
    assert quantities(reverted) == {1: {"ERP01": 1}}
    draft = await buyer.accepted("basketSave", name="Mine")
    copied = await buyer.accepted("basketCopy", basketId=draft["id"])
    assert (quantities(copied), copied["totalAmount"]) == ({1: {"ERP01": 1}}, "10.55")
    requested = await buyer.change("quotationRequest", "quotation { id }", name="Mine")
    assert (requested["userErrors"], requested["quotation"] is not None) == ([], True)
