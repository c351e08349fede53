"""Reverting baskets, and the history that it leaves."""

from typing import Any, NamedTuple

from models.basket.tables import Basket
from models.history.lines import ChangeLine, lines_from_text
from models.history.tables import BasketChange
from models.product.tables import Product
from models.timestamps import now
from tests.support.service import Caller

OUTCOMES = """acceptedCount removedItemIds outcomes {
  index status productRemoteId sku quantity division { erpCode } errors { code message field }
}"""
REVERT = f"basket {{ ...Whole }} {OUTCOMES}"

Quantities = dict[int, dict[str, int]]
"""Quantities by product and ERP code."""


async def revert(caller: Caller, version: int, **given: Any) -> dict[str, Any]:
    """Reverts the active basket to a version, and returns the payload."""
    return await caller.change("basketRevert", REVERT, toVersion=version, **given)


async def reverted(caller: Caller, version: int, **given: Any) -> dict[str, Any]:
    """Reverts the active basket, of which every line must be accepted, and returns the basket."""
    payload = await revert(caller, version, **given)
    assert (payload["outcomes"], payload["userErrors"]) == ([], []), payload
    basket: dict[str, Any] = payload["basket"]
    return basket


def quantities(basket: dict[str, Any] | None) -> Quantities:
    """Returns the quantities of a basket, in the order that it shows them."""
    return {
        item["productRemoteId"]: {
            part["division"]["erpCode"]: part["quantity"] for part in item["divisions"]
        }
        for item in (basket or {"items": []})["items"]
    }


def rejected_lines(payload: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Returns index, product, ERP code, quantity and codes of the outcomes of a payload."""
    return [
        (
            line["index"],
            line["productRemoteId"],
            line["division"] and line["division"]["erpCode"],
            line["quantity"],
            [error["code"] for error in line["errors"]],
        )
        for line in payload["outcomes"]
    ]


class RecordedChange(NamedTuple):
    """A row of history."""

    version: int
    kind: str
    origin: str
    user_id: int | None
    line_count: int
    lines: list[ChangeLine]


async def history(**chosen: Any) -> list[RecordedChange]:
    """Reads rows of history, the oldest first."""
    rows = await BasketChange.filter(**chosen).order_by("basket_id", "version")
    return [
        RecordedChange(
            row.version,
            row.kind.value,
            row.origin.value,
            row.user_id,
            row.line_count,
            list(lines_from_text(row.lines).lines),
        )
        for row in rows
    ]


async def age_products(**chosen: Any) -> None:
    """Makes known products so old that Commerce is asked for them."""
    await Product.filter(**chosen).update(refreshed_at=now().replace(year=2020))


async def stored_basket() -> dict[str, Any]:
    """Reads the columns of the only basket, to compare them before and after."""
    (row,) = await Basket.all().values()
    return row
