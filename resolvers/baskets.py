"""Reading baskets with the parts of them that an operation selects."""

from models.basket.read import BasketRead, Wants
from resolvers.changes import prepare_changes
from resolvers.context import Info
from resolvers.problems import prepare_problems
from resolvers.requested_fields import find_wants
from schema.basket import Basket
from schema.basket_rows import baskets_from_rows


async def read_baskets(
    info: Info, source: BasketRead, wants: Wants | None = None, **values: object
) -> list[Basket]:
    """Reads baskets of the caller, by default with the parts selected below the field."""
    wanted = find_wants(info) if wants is None else wants
    read = await source.read(
        info.context.catalogue, wanted, user_id=info.context.buyer.id, **values
    )
    baskets = baskets_from_rows(read)
    prepare_problems(info, baskets)
    await prepare_changes(info, baskets)
    return baskets
