"""The basket: its items, saving it and loading drafts."""

from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp
from strawberry import ID

from models.basket.check import Subject, state_of_baskets
from models.basket.read import ACTIVE, DRAFTS, ITEMS
from models.database.integers import LARGEST_BIGINT
from resolvers.basket_items import BasketItemRemove, BasketItemUpdate
from resolvers.basket_items_add import BasketItemsAdd
from resolvers.basket_status import BasketLoad, BasketSave, UnnamedSave
from resolvers.context import parse_segment
from resolvers.unit_of_work import AnyInput, Change, carry_out
from schema.inputs import (
    BasketItemInput,
    BasketItemRemoveInput,
    BasketItemsAddInput,
    BasketItemUpdateInput,
    BasketLoadInput,
    BasketSaveInput,
)
from schema.page import LATEST
from web.http.json_response import CONTENT_TYPES, JSON, json_response
from web.http.request import join_headers
from web.http.response_cache import ResponseKey
from web.http.versioned import Question, VersionedResponses
from web.rest.basket_answer import basket_answer, draft_answers
from web.rest.basket_file import export_basket, is_export_query, read_export_state
from web.rest.fields import Fields
from web.rest.rejection import rejection_response
from web.rest.request import RestRequest


async def read_basket(request: RestRequest) -> ASGIApp:
    """Returns the active basket of a segment; or starts an export, or returns its state."""
    # The common case is decided without parsing the query.
    if not request.http.scope["query_string"]:
        segment = None
    elif "status_cache_key" in request.query:
        return await read_export_state(request)
    elif is_export_query(request.query):
        return await export_basket(request)
    else:
        segment = request.segment()
    request.context.buyer.check_active()
    return await _read_active(request, parse_segment(segment))


async def _read_active(request: RestRequest, segment: int) -> ASGIApp:
    """Returns the basket by its tag, from memory, or as it is read now."""
    user_id, scope = request.context.buyer.id, request.http.scope
    responses: VersionedResponses = scope["state"]["responses"]
    # The body depends on the active basket alone, as it is read with its items.
    subject = Subject(ACTIVE, segment, has_items=True)
    question = Question(
        ResponseKey(user_id, b"GET basket/", str(segment).encode()),
        CONTENT_TYPES[JSON],
        is_get=True,
        if_none_match=join_headers(scope, b"if-none-match"),
    )
    if response := await responses.find(question, lambda: [subject]):
        return response
    catalogue = request.context.catalogue
    read = await ACTIVE.read(catalogue, ITEMS, user_id=user_id, segment=segment)
    baskets = read.full_baskets()
    body = orjson.dumps(basket_answer(baskets))
    return responses.make(question, [subject], [state_of_baskets(baskets)], body)


async def change_basket(
    change: type[Change[AnyInput]], request: RestRequest, given: AnyInput
) -> Response:
    """Carries out a change and returns the basket after it."""
    answer = await carry_out(change, request.context, given)
    if answer.user_errors:
        return rejection_response(answer.user_errors)
    # Only a retry finds that the basket has gone since, and then there is none to show.
    baskets = answer.baskets.full_baskets() if answer.baskets else ()
    return json_response(basket_answer(baskets))


async def add_item(request: RestRequest) -> Response:
    """Adds a quantity of a product for a division."""
    remote_id, division, quantity, shared = await _read_line(request)
    line = BasketItemInput(
        product_remote_id=remote_id, division_id=ID(division), quantity=quantity
    )
    return await change_basket(
        BasketItemsAdd, request, BasketItemsAddInput(items=[line], **shared)
    )


async def update_item(request: RestRequest) -> Response:
    """Sets the quantity of a product for a division; 0 removes it there."""
    remote_id, division, quantity, shared = await _read_line(request)
    given = BasketItemUpdateInput(
        product_remote_id=remote_id, division_id=ID(division), quantity=quantity, **shared
    )
    return await change_basket(BasketItemUpdate, request, given)


async def _read_line(request: RestRequest) -> tuple[int, str, int, dict[str, Any]]:
    fields = await request.fields()
    remote_id, division, quantity = (
        fields.number(name) for name in ("product_remote_id", "division", "quantity")
    )
    return remote_id, str(division), quantity, request.shared_inputs(fields)


async def remove_item(request: RestRequest) -> Response:
    """Removes a product for all divisions."""
    fields = await request.fields()
    remote_id = fields.number("product_remote_id")
    given = BasketItemRemoveInput(
        product_remote_id=remote_id, **request.shared_inputs(fields)
    )
    return await change_basket(BasketItemRemove, request, given)


async def list_drafts(request: RestRequest) -> Response:
    """Lists all drafts, or those of one segment, most recently saved first."""
    segment, buyer = request.segment(), request.context.buyer
    buyer.check_active()
    column = None if segment is None else parse_segment(segment)
    drafts = await DRAFTS.summaries(
        user_id=buyer.id, saved_at=LATEST, basket_id=LARGEST_BIGINT, size=LARGEST_BIGINT
    )
    return json_response(draft_answers(drafts, column))


async def save_basket(request: RestRequest) -> Response:
    """Saves the active basket as a draft, with a name if there is one."""
    fields = await request.fields()
    name = fields.optional_text("name")
    given = BasketSaveInput(name=name or "", **request.shared_inputs(fields))
    # A missing name differs from a blank one, which is rejected.
    return await change_basket(UnnamedSave if name is None else BasketSave, request, given)


async def load_basket(request: RestRequest) -> Response:
    """Makes the draft of the address the active basket again."""
    # Nothing of the body is needed, but a broken one is rejected as elsewhere.
    fields = Fields(await request.body())
    key = request.read_key(fields)
    fields.check()
    given = BasketLoadInput(basket_id=ID(request.basket_number), idempotency_key=key)
    return await change_basket(BasketLoad, request, given)
