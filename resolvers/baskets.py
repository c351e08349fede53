"""Reading baskets with the parts of them that an operation selects."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.basket.active import read_active
from models.basket.check import find_state, find_subject
from models.basket.read import ACTIVE, BasketRead, Wants
from models.basket.rows import BasketRows
from resolvers.changes import prepare_changes
from resolvers.context import Context, Info
from resolvers.problems import prepare_problems
from resolvers.requested_fields import SelectedParts, find_parts, find_wants
from schema.basket import Basket
from schema.basket_rows import baskets_from_rows


async def read_baskets(
    info: Info, source: BasketRead, wants: Wants | None = None, **values: object
) -> list[Basket]:
    """Reads baskets of the caller, by default with the parts selected below the field."""
    parts = find_parts(info)
    wanted = find_wants(info, parts) if wants is None else wants
    read = await _read(info.context, source, wanted, values)
    if subject := find_subject(source, values, has_items=wanted.items):
        info.context.note_state(*find_state(subject, read))
    baskets = baskets_from_rows(read)
    await prepare_parts(info, parts, baskets)
    return baskets


async def _read(
    context: Context, source: BasketRead, wants: Wants, values: Mapping[str, Any]
) -> BasketRows:
    user_id, catalogue = context.buyer.id, context.catalogue
    if source is ACTIVE:
        return await read_active(
            catalogue, context.checks, wants, user_id=user_id, **values
        )
    return await source.read(catalogue, wants, user_id=user_id, **values)


async def prepare_parts(
    info: Info, parts: SelectedParts, baskets: Sequence[Basket]
) -> None:
    """Puts into baskets those selected parts that are found before they are resolved."""
    if parts.has_problems:
        prepare_problems(info, baskets)
    if parts.changes and baskets:
        await prepare_changes(info, parts.changes, baskets)
