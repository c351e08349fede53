"""Baskets written by hand: the statements, and rows to what orjson writes."""

from typing import Any

import orjson

_DIVISION = "json_build_object('id', 'division_' || {0}.id, 'name', {0}.name, 'erpCode', {0}.erp_code, 'type', {0}.type"
_DIVISION_JSON = (
    f"{_DIVISION.format('d')}, 'parent', CASE WHEN m.id IS NOT NULL THEN "
    f"{_DIVISION.format('m')}, 'isActive', m.is_active) END, 'isActive', d.is_active)"
)
_HEADER = "b.id, b.status, b.name, b.segment, b.version, b.created_at, b.updated_at"

_ITEM_COLUMNS = (
    "i.id AS item_id, i.price AS item_price, i.currency AS item_currency, p.remote_id, p.sku, p.name, p.price, "
    "p.currency, p.variants, p.product_image, p.in_stock, p.refreshed_at, "
    "(SELECT string_agg(q.division_id || ' ' || q.quantity, ' ' ORDER BY q.id) FROM basket_item_division q "
    "WHERE q.item_id = i.id) AS parts"
)
_ARRAYS = ", ".join(
    f"array_agg(y.{name})"
    for name in (
        "item_id",
        "item_price",
        "item_currency",
        "remote_id",
        "sku",
        "name",
        "price",
        "currency",
        "variants",
        "product_image",
        "in_stock",
        "refreshed_at",
        "parts",
    )
)

READ = (
    f"SELECT x.*, {_HEADER}, (SELECT json_object_agg(d.id, {_DIVISION_JSON})::text FROM user_account u "
    "JOIN division d ON d.id = u.division_id OR d.parent_id = u.division_id "
    "LEFT JOIN division m ON m.id = d.parent_id WHERE u.id = $1) "
    f"FROM basket b LEFT JOIN LATERAL (SELECT {_ARRAYS} FROM (SELECT {_ITEM_COLUMNS} FROM basket_item i "
    "JOIN product p ON p.id = i.product_id WHERE i.basket_id = b.id ORDER BY i.id) y) x ON true "
    "WHERE b.user_id = $1 AND b.segment = $2 AND b.status = 'ACTIVE'"
)
"""Reads the active basket of a user and segment as one row: an array a column of the items, the header, and as JSON the
divisions that the user may buy for."""

OTHER_DIVISIONS = (
    f"SELECT json_object_agg(d.id, {_DIVISION_JSON})::text FROM division d "
    "LEFT JOIN division m ON m.id = d.parent_id WHERE d.id = ANY($1::int[])"
)
"""Reads divisions of a basket that its user may no longer buy for: a second statement for the rare basket."""

_TOTALS = (
    "COUNT(DISTINCT i.id), CAST(COALESCE(SUM(q.quantity), 0) AS BIGINT), "
    "CAST(COALESCE(SUM(i.price * q.quantity), 0) AS BIGINT), MIN(i.currency)"
)
_SUMMED = "LEFT JOIN basket_item i ON i.basket_id = b.id LEFT JOIN basket_item_division q ON q.item_id = i.id"

TOTALS = (
    f"SELECT b.id, {_TOTALS}, COUNT(DISTINCT i.currency), MAX(q.quantity) FROM basket b {_SUMMED} "
    "WHERE b.user_id = $1 AND b.segment = $2 AND b.status = 'ACTIVE' GROUP BY b.id"
)
"""Reads the sums of the active basket, with what its limits are checked by."""

DRAFTS = (
    f"SELECT {_HEADER}, {_TOTALS}, b.saved_at, (SELECT COUNT(*) FROM basket WHERE user_id = $1 AND status = 'DRAFT') "
    f"FROM (SELECT * FROM basket WHERE user_id = $1 AND status = 'DRAFT' ORDER BY saved_at DESC, id DESC LIMIT $2) b "
    f"{_SUMMED} GROUP BY {_HEADER}, b.saved_at ORDER BY b.saved_at DESC, b.id DESC"
)
"""Reads a page of drafts with their sums, and how many there are in all."""

_ARRAY_COUNT = 13
CURRENCIES = 2
"""The column of READ that holds the currencies of the items."""


def amount(cents: int) -> str:
    """Writes hundredths as a decimal number. Slicing takes half the time of dividing."""
    if cents < 100:
        return f"0.{cents:02d}"
    text = str(cents)
    return f"{text[:-2]}.{text[-2:]}"


def unknown_divisions(row: Any, divisions: dict[str, Any]) -> list[int]:
    """Returns the divisions of items that are not among those read."""
    return [
        int(key)
        for parts in row[_ARRAY_COUNT - 1]
        for key in parts.split()[::2]
        if key not in divisions
    ]


def whole_basket(row: Any, divisions: dict[str, Any]) -> dict[str, Any]:
    """Makes the answer from the row of READ; raises KeyError when the basket holds a division that was not read.

    It is one function on purpose: a call an item would make the server slower that shows how fast one can be.
    """
    head = row[_ARRAY_COUNT:]
    total_amount = total_quantity = 0
    items: list[dict[str, Any]] = []
    columns = row[:_ARRAY_COUNT]
    for values in zip(*columns, strict=True) if columns[0] else ():
        (
            item,
            price,
            _,
            remote,
            sku,
            name,
            list_price,
            currency,
            variants,
            image,
            in_stock,
            refreshed,
            parts,
        ) = values
        quantity = 0
        held = []
        pairs = iter(parts.split())
        for key, text in zip(pairs, pairs, strict=True):
            pieces = int(text)
            quantity += pieces
            held.append(
                {
                    "quantity": pieces,
                    "totalAmount": amount(price * pieces),
                    "division": divisions[key],
                }
            )
        total = price * quantity
        total_quantity += quantity
        total_amount += total
        items.append(
            {
                "id": f"item_{item}",
                "productRemoteId": remote,
                "price": amount(price),
                "quantity": quantity,
                "totalAmount": amount(total),
                "product": {
                    "remoteId": remote,
                    "sku": sku,
                    "name": name,
                    "price": amount(list_price),
                    "currency": currency,
                    "variants": orjson.Fragment(variants),
                    "productImage": image,
                    "inStock": in_stock,
                    "refreshedAt": refreshed,
                },
                "divisions": held,
            }
        )
    return {
        "id": f"basket_{head[0]}",
        "status": head[1],
        "name": head[2],
        "segmentRemoteId": head[3] or None,
        "currency": columns[2][0] if items else None,
        "totalAmount": amount(total_amount),
        "totalQuantity": total_quantity,
        "itemCount": len(items),
        "version": head[4],
        "createdAt": head[5],
        "updatedAt": head[6],
        "items": items,
    }
