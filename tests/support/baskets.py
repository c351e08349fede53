"""Full baskets for tests, made without a database."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.basket.rows import FullBasket, Parts
from models.database.row_cache import CachedRow

PRODUCT: Mapping[str, Any] = {
    "remote_id": 1,
    "segment": 0,
    "sku": "SKU01",
    "name": None,
    "price": 2000,
    "currency": "try",
    "variants": "{}",
    "product_image": None,
    "in_stock": 1,
}


def division_row(
    division_id: int, *, parent_id: int | None = None, **changes: Any
) -> CachedRow:
    """Makes the row of a division, below another one if it has a parent."""
    columns: dict[str, Any] = {
        "division_id": division_id,
        "division_name": "sub" if parent_id else "main",
        "division_erp_code": f"ERP{division_id:02d}",
        "division_type": "SUB" if parent_id else "MAIN",
        "division_is_active": 1,
        "parent_id": parent_id,
        "parent_name": parent_id and "main",
        "parent_erp_code": parent_id and f"ERP{parent_id:02d}",
        "parent_type": parent_id and "MAIN",
        "parent_is_active": parent_id and 1,
    }
    return CachedRow(columns | changes)


def full_basket(
    items: Sequence[tuple[int, int, Mapping[str, Any], str, Parts]],
    divisions: Mapping[int, CachedRow],
    status: str = "ACTIVE",
) -> FullBasket:
    """Makes a basket of items: id, price, product's columns, its timestamp, and quantities."""
    parts = [(item[0], *part) for item in items for part in zip(*item[4], strict=True)]
    return FullBasket(
        columns={"status": status},
        item_ids=[item[0] for item in items],
        prices=[item[1] for item in items],
        products=[CachedRow(item[2]) for item in items],
        refreshed_at=[item[3] for item in items],
        part_items=[part[0] for part in parts],
        part_divisions=[part[1] for part in parts],
        part_quantities=[part[2] for part in parts],
        divisions=divisions,
    )
