"""Baskets written by hand: the statements, and rows to what orjson writes."""

from collections.abc import Sequence
from typing import Any

import orjson

_DIVISION = "json_build_object('id', {0}.id::text, 'name', {0}.name, 'erpCode', {0}.erp_code, 'type', {0}.type"
_DIVISION_JSON = (
    f"{_DIVISION.format('d')}, 'parent', CASE WHEN m.id IS NOT NULL THEN "
    f"{_DIVISION.format('m')}, 'isActive', m.is_active) END, 'isActive', d.is_active)"
)
_ITEMS = (
    "i.id, i.price, p.remote_id, p.sku, p.name, p.price, p.currency, p.variants, p.product_image, p.in_stock, "
    "p.refreshed_at, i.currency, "
    "ARRAY(SELECT q.division_id::bigint << 32 | q.quantity FROM basket_item_division q "
    "WHERE q.item_id = i.id ORDER BY q.id)"
)
_HEADER = "b.id, b.status, b.name, b.segment, b.version, b.created_at, b.updated_at"

READ = (
    f"SELECT {_ITEMS}, {_HEADER}, (SELECT json_object_agg(d.id, {_DIVISION_JSON})::text FROM user_account u "
    "JOIN division d ON d.id = u.division_id OR d.parent_id = u.division_id "
    "LEFT JOIN division m ON m.id = d.parent_id WHERE u.id = $1) "
    "FROM basket b LEFT JOIN basket_item i ON i.basket_id = b.id LEFT JOIN product p ON p.id = i.product_id "
    "WHERE b.user_id = $1 AND b.segment = $2 AND b.status = 'ACTIVE' ORDER BY i.id"
)
"""Reads the active basket of a user and segment, a row an item, with the divisions that its user may buy for."""

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

_SHIFT, _MASK = 32, 0xFFFFFFFF


def amount(cents: int) -> str:
    """Writes hundredths as a decimal number."""
    return f"{cents // 100}.{cents % 100:02d}"


def unknown_divisions(rows: Sequence[Any], divisions: dict[str, Any]) -> list[int]:
    """Returns the divisions of items that are not among those read."""
    return [part >> _SHIFT for row in rows for part in row[12] or () if str(part >> _SHIFT) not in divisions]


def whole_basket(rows: Sequence[Any], divisions: dict[str, Any]) -> dict[str, Any]:
    """Makes the answer from the rows of READ."""
    head = rows[0]
    total_amount = total_quantity = 0
    items = []
    for row in rows if head[0] is not None else ():
        item, price, remote, sku, name, list_price, currency, variants, image, in_stock, refreshed, _, parts = row[:13]
        quantity = 0
        held = []
        for part in parts:
            pieces = part & _MASK
            quantity += pieces
            held.append(
                {
                    "quantity": pieces,
                    "totalAmount": amount(price * pieces),
                    "division": divisions[str(part >> _SHIFT)],
                }
            )
        total_quantity += quantity
        total_amount += price * quantity
        items.append(
            {
                "id": str(item),
                "productRemoteId": remote,
                "price": amount(price),
                "quantity": quantity,
                "totalAmount": amount(price * quantity),
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
        "id": str(head[13]),
        "status": head[14],
        "name": head[15],
        "segmentRemoteId": head[16] or None,
        "currency": head[11],
        "totalAmount": amount(total_amount),
        "totalQuantity": total_quantity,
        "itemCount": len(items),
        "version": head[17],
        "createdAt": head[18],
        "updatedAt": head[19],
        "items": items,
    }
