"""Reading baskets with the parts of them that an operation selects."""

from models.basket.read import BasketRead
from resolvers.changes import prepare_changes
from resolvers.context import Info
from resolvers.requested_fields import find_wants
from schema.basket import Basket
from schema.basket_rows import baskets_from_rows


async def read_baskets(info: Info, source: BasketRead, **values: object) -> list[Basket]:
    """Reads baskets of the caller, with the parts that are selected below the field."""
    wants = find_wants(info)
    read = await source.read(
        info.context.catalogue, wants, user_id=info.context.buyer.id, **values
    )
    baskets = baskets_from_rows(read)
    await prepare_changes(info, baskets)
    return baskets
