"""The baskets of the peers in one form, compared field by field."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from bench.equality import AnswersDiffer

DOCUMENT = (
    "query Read { activeBasket { rowId status name segment currency totalAmount totalQuantity "
    "itemCount version createdAt updatedAt basketItemsByBasketIdList { rowId price quantity "
    "totalAmount productByProductId { remoteId sku name price currency variants productImage "
    "inStock } basketItemDivisionsByItemIdList { quantity totalAmount "
    "divisionByDivisionId { rowId name erpCode type divisionByParentId { rowId name erpCode type "
    "isActive } isActive } } } } }"
)
"""What PostGraphile names the fields of bench.operations.READ."""
_NAMES: dict[str, str] = {
    "rowId": "id",
    "segment": "segmentRemoteId",
    "basketItemsByBasketIdList": "items",
    "productByProductId": "product",
    "basketItemDivisionsByItemIdList": "divisions",
    "divisionByDivisionId": "division",
    "divisionByParentId": "parent",
}


def _number(text: str) -> int:
    return int(text.rpartition("_")[2])


def _cents(text: str) -> int:
    return int(Decimal(text) * 100)


Readers = Mapping[str, Callable[[Any], object]]
_READERS: Readers = {
    "id": _number,
    "price": _cents,
    "totalAmount": _cents,
    "createdAt": datetime.fromisoformat,
    "updatedAt": datetime.fromisoformat,
}
_POSTGRAPHILE_READERS: Readers = {
    **_READERS,
    "id": int,
    "segmentRemoteId": lambda segment: segment or None,
    "price": int,
    "totalAmount": int,
    "quantity": int,
    "totalQuantity": int,
    "itemCount": int,
    "variants": json.loads,
}


def comparable_basket(kind: str, body: bytes) -> object:
    """Returns the basket of an answer with numbers, cents and timestamps; raises AnswersDiffer."""
    answer = json.loads(body)
    if answer.get("errors") or not answer["data"]["activeBasket"]:
        raise AnswersDiffer(f"{kind} answered with errors: {body[:500]!r}")
    basket = answer["data"]["activeBasket"]
    if kind != "postgraphile":
        return _read("", basket, _READERS)
    renamed = _read("", basket, _POSTGRAPHILE_READERS)
    # The item names its product by the id of the table.
    for item in renamed["items"]:
        item["productRemoteId"] = item["product"]["remoteId"]
    return renamed


def _read(name: str, value: Any, readers: Readers) -> Any:
    if isinstance(value, list):
        return [_read("", element, readers) for element in value]
    if name in readers and value is not None:
        return readers[name](value)
    # The keys of variants are data, not fields.
    if isinstance(value, dict) and name != "variants":
        named: dict[str, Any] = {
            _NAMES.get(str(key), str(key)): content for key, content in value.items()
        }
        return {key: _read(key, content, readers) for key, content in named.items()}
    return value


def differences(one: object, other: object, path: str = "basket") -> Iterator[str]:
    """Yields each field in which two comparable baskets differ, with both values."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from differences(
                one.get(key, "missing"), other.get(key, "missing"), f"{path}.{key}"
            )
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{path}[{index}]")
    elif one != other:
        yield f"{path}: {one!r} and {other!r}"
