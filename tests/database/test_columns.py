"""The description of a table's columns."""

from models.basket.tables import BASKET, Basket
from models.database.columns import Columns
from models.database.connection import connect, disconnect
from models.history.read import CHANGE, HIDDEN
from models.history.tables import BasketChange


async def test_columns_are_the_same_before_and_after_the_database_is_opened(
    sqlite_url: str,
) -> None:
    """A module that describes a table may be imported by a process that has migrated."""
    before = Columns(Basket), Columns(BasketChange, hidden=HIDDEN)
    await connect(sqlite_url)
    try:
        assert "basket_id" in BasketChange._meta.fields_map
        after = Columns(Basket), Columns(BasketChange, hidden=HIDDEN)
    finally:
        await disconnect()
    assert [each.names for each in before] == [each.names for each in after]
    assert [each.names for each in after] == [BASKET.names, CHANGE.names]
