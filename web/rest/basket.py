"""The basket: its items, and what becomes of it."""

from typing import Any

from starlette.responses import Response
from strawberry import ID

from models.basket.read import ACTIVE, DRAFTS
from models.database.integers import LARGEST_BIGINT
from resolvers.basket_items import BasketItemRemove, BasketItemsAdd, BasketItemUpdate
from resolvers.basket_status import BasketLoad, BasketSave, UnnamedSave
from resolvers.context import segment_of
from resolvers.unit_of_work import Change, GivenInput, carry_out
from schema.inputs import (
    BasketItemInput,
    BasketItemRemoveInput,
    BasketItemsAddInput,
    BasketItemUpdateInput,
    BasketLoadInput,
    BasketSaveInput,
)
from schema.page import LATEST
from web.http.json_response import json_response
from web.rest.basket_answer import basket_answer, draft_answers
from web.rest.basket_file import asked_state, asks_export, export_basket
from web.rest.rejection import rejected
from web.rest.request import RestRequest


async def read_basket(asked: RestRequest) -> Response:
    """Answers with the active basket of a segment, or, as the query asks, exports it or tells how far that is."""
    if not asked.http.scope["query_string"]:
        segment = None
    elif "status_cache_key" in asked.query:
        return await asked_state(asked)
    elif asks_export(asked.query):
        return await export_basket(asked)
    else:
        segment = asked.segment()
    buyer = asked.context.buyer
    buyer.check_active()
    read = await ACTIVE.rows(buyer.id, segment_of(segment), whole=True)
    return json_response(basket_answer(read.rows))


async def changed(
    kind: type[Change[GivenInput]], asked: RestRequest, given: GivenInput
) -> Response:
    """Carries out a change and answers with the basket after it."""
    answer = await carry_out(kind, asked.context, given)
    if answer.user_errors or answer.baskets is None:
        return rejected(answer.user_errors)
    return json_response(basket_answer(answer.baskets.rows))


async def add_item(asked: RestRequest) -> Response:
    """Adds a quantity of a product for a division."""
    remote_id, division, quantity, shared = await _line(asked)
    line = BasketItemInput(
        product_remote_id=remote_id, division_id=ID(division), quantity=quantity
    )
    return await changed(BasketItemsAdd, asked, BasketItemsAddInput(items=[line], **shared))


async def update_item(asked: RestRequest) -> Response:
    """Sets the quantity of a product for a division; 0 removes it there."""
    remote_id, division, quantity, shared = await _line(asked)
    given = BasketItemUpdateInput(
        product_remote_id=remote_id, division_id=ID(division), quantity=quantity, **shared
    )
    return await changed(BasketItemUpdate, asked, given)


async def _line(asked: RestRequest) -> tuple[int, str, int, dict[str, Any]]:
    fields = await asked.fields()
    remote_id, division, quantity = (
        fields.number(name) for name in ("product_remote_id", "division", "quantity")
    )
    return remote_id, str(division), quantity, asked.shared_inputs(fields)


async def remove_item(asked: RestRequest) -> Response:
    """Takes a product away, for all divisions."""
    fields = await asked.fields()
    remote_id = fields.number("product_remote_id")
    given = BasketItemRemoveInput(
        product_remote_id=remote_id, **asked.shared_inputs(fields)
    )
    return await changed(BasketItemRemove, asked, given)


async def list_drafts(asked: RestRequest) -> Response:
    """Lists all drafts, or those of one segment, most recently saved first."""
    segment, buyer = asked.segment(), asked.context.buyer
    buyer.check_active()
    chosen = None if segment is None else segment_of(segment)
    read = await DRAFTS.rows(buyer.id, LATEST, LARGEST_BIGINT, LARGEST_BIGINT, whole=False)
    return json_response(draft_answers(read.rows, chosen))


async def save_basket(asked: RestRequest) -> Response:
    """Keeps the active basket as a draft, with a name if one is given."""
    fields = await asked.fields()
    name = fields.optional_text("name")
    given = BasketSaveInput(name=name or "", **asked.shared_inputs(fields))
    return await changed(UnnamedSave if name is None else BasketSave, asked, given)


async def load_basket(asked: RestRequest) -> Response:
    """Makes the draft that the address names the active basket again."""
    await asked.body()
    given = BasketLoadInput(
        basket_id=ID(asked.basket_number), idempotency_key=asked.idempotency_key
    )
    return await changed(BasketLoad, asked, given)
