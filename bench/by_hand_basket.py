"""Baskets of the server by hand: from the rows of its statements to dictionaries for orjson."""

from base64 import urlsafe_b64encode
from typing import Any

import orjson

from bench.by_hand_statements import ARRAY_COUNT

PAGE = 20


def amount(cents: int) -> str:
    """Returns cents as a decimal number; slicing takes half the time of dividing."""
    if cents < 100:
        return f"0.{cents:02d}"
    text = str(cents)
    return f"{text[:-2]}.{text[-2:]}"


def unknown_divisions(row: Any, divisions: dict[str, Any]) -> list[int]:
    """Returns the ids of the items' divisions that are not among those read."""
    return [
        int(key)
        for parts in row[ARRAY_COUNT - 1]
        for key in parts.split()[::2]
        if key not in divisions
    ]


def full_basket(row: Any, divisions: dict[str, Any]) -> dict[str, Any]:
    """Returns the basket of a row of READ; raises KeyError for a division that was not read.

    It is one function, because one call per item would make it slower than such a server can be.
    """
    basket = row[ARRAY_COUNT:]
    total_amount = total_quantity = 0
    items: list[dict[str, Any]] = []
    columns = row[:ARRAY_COUNT]
    for (
        item,
        price,
        _,
        remote_id,
        sku,
        name,
        list_price,
        currency,
        variants,
        image,
        in_stock,
        parts,
    ) in zip(*columns, strict=True) if columns[0] else ():
        quantity = 0
        lines = []
        # Two references to one iterator: it yields division and quantity in turn.
        pairs = iter(parts.split())
        for key, text in zip(pairs, pairs, strict=True):
            pieces = int(text)
            quantity += pieces
            lines.append(
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
                "productRemoteId": remote_id,
                "price": amount(price),
                "quantity": quantity,
                "totalAmount": amount(total),
                "product": {
                    "remoteId": remote_id,
                    "sku": sku,
                    "name": name,
                    "price": amount(list_price),
                    "currency": currency,
                    # The column holds JSON, which is copied without being parsed.
                    "variants": orjson.Fragment(variants),
                    "productImage": image,
                    "inStock": in_stock,
                },
                "divisions": lines,
            }
        )
    return {
        "id": f"basket_{basket[0]}",
        "status": basket[1],
        "name": basket[2],
        "segmentRemoteId": basket[3] or None,
        "currency": columns[2][0] if items else None,
        "totalAmount": amount(total_amount),
        "totalQuantity": total_quantity,
        "itemCount": len(items),
        "version": basket[4],
        "createdAt": basket[5],
        "updatedAt": basket[6],
        "items": items,
    }


def draft_connection(rows: list[Any], user_id: int) -> dict[str, Any]:
    """Returns the page of the rows of DRAFTS, which are one more than the page shows."""
    edges = [_edge(row, user_id) for row in rows[:PAGE]]
    return {
        "edges": edges,
        "pageInfo": {
            "hasNextPage": len(rows) > PAGE,
            "hasPreviousPage": False,
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
        },
        "totalCount": rows[0][12] if rows else 0,
    }


def _edge(row: Any, user_id: int) -> dict[str, Any]:
    (
        identifier,
        status,
        name,
        segment,
        version,
        created_at,
        updated_at,
        count,
        quantity,
        total,
        currency,
        saved_at,
        _,
    ) = row
    position = f"drafts {user_id} {saved_at.isoformat()} {identifier}"
    cursor = urlsafe_b64encode(position.encode()).decode().rstrip("=")
    node = {
        "id": f"basket_{identifier}",
        "status": status,
        "name": name,
        "segmentRemoteId": segment or None,
        "currency": currency,
        "totalAmount": amount(total),
        "totalQuantity": quantity,
        "itemCount": count,
        "version": version,
        "createdAt": created_at,
        "updatedAt": updated_at,
    }
    return {"cursor": cursor, "node": node}
