"""Deltas of a basket, and a client that applies them as the schema says."""

from collections.abc import Sequence
from typing import Any

from tests.support.service import Caller

STATE = """
fragment State on Basket {
  id version status name currency totalAmount totalQuantity itemCount
}
"""
ITEM = """
fragment Item on BasketItem {
  id productRemoteId price quantity totalAmount divisions { id quantity totalAmount division { id } }
}
"""
DELTA = f"""
fragment Delta on BasketDelta {{
  sinceVersion isComplete removedItemIds basket {{ ...State }} items {{ ...Item }}
}}
{STATE} {ITEM}
"""

Json = dict[str, Any]


async def read_delta(caller: Caller, since: int, basket_id: str | None = None) -> Json:
    """Reads the delta of a basket, of the active one if no other is named."""
    field = "basket(id: $id)" if basket_id else "activeBasket"
    declared = "($id: ID!, $since: Int!)" if basket_id else "($since: Int!)"
    document = f"query {declared} {{ {field} {{ delta(sinceVersion: $since) {{ ...Delta }} }} }} {DELTA}"
    data = await caller.query(
        document, since=since, **({"id": basket_id} if basket_id else {})
    )
    delta: Json = data[field.split("(")[0]]["delta"]
    return delta


async def read_state(caller: Caller, basket_id: str | None = None) -> Json:
    """Reads all that a delta is about, as a client has it that reads the whole basket."""
    field = f'basket(id: "{basket_id}")' if basket_id else "activeBasket"
    document = f"{{ {field} {{ ...State items {{ ...Item }} }} }} {STATE} {ITEM}"
    data = await caller.query(document)
    state: Json = data[field.split("(")[0]]
    return state


def apply_delta(items: Sequence[Json], delta: Json) -> list[Json]:
    """Applies a delta to the items of the version that it starts from."""
    if delta["isComplete"]:
        return list(delta["items"])
    new = {item["id"]: item for item in delta["items"]}
    kept = [item for item in items if item["id"] not in delta["removedItemIds"]]
    return [new.pop(item["id"], item) for item in kept] + list(new.values())
