"""Snapshots of products: a submitted basket goes on showing its products as they were on its day.

A snapshot is a row of the products' table by itself, so that reading a submitted basket is the same
statement as reading an active one. Its segment is the quotation's id with a minus sign: no look-up
of a product asks for it, and each quotation has snapshots of its own.
"""

from models.database.statements import load_statements
from models.product.tables import DESCRIBED

_STATEMENTS = load_statements(
    __file__, copied=", ".join((*DESCRIBED.names, "refreshed_at"))
)


async def take_snapshots(basket_id: int, quotation_id: int) -> None:
    """Makes the items of a basket hold snapshots of their products."""
    for name in ("take_snapshots", "hold_snapshots"):
        await _STATEMENTS[name].rows(basket_id=basket_id, quotation_id=quotation_id)
