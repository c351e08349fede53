"""The quotations of the buyer."""

from typing import Any

from starlette.responses import Response

from models.database.integers import LARGEST_BIGINT
from models.database.position import ListPosition
from models.money import format_amount
from models.quotation import QuotationRead, count_quotations, read_quotation_page
from models.timestamps import parse_timestamp
from resolvers.basket_status import PlainQuotationRequest
from schema.inputs import QuotationRequestInput
from schema.page import LATEST
from web.http.json_response import json_response
from web.rest.basket import change_basket
from web.rest.page import page_json, read_page
from web.rest.rejection import not_found_response
from web.rest.request import RestRequest


async def list_quotations(request: RestRequest) -> Response:
    """Lists the buyer's quotations, newest first."""
    page, buyer = read_page(request), request.context.buyer
    buyer.check_active()
    count = await count_quotations(buyer.id)
    # As in Django REST Framework: a page behind the last is 404, an empty first page is not.
    if page.number > 1 and page.first >= count:
        return not_found_response()
    rows = await read_quotation_page(
        buyer.id, ListPosition(LATEST, LARGEST_BIGINT), page.size, skipped=page.first
    )
    return json_response(
        page_json(request, page, count, [_quotation_json(row) for row in rows])
    )


def _quotation_json(quotation: QuotationRead) -> dict[str, Any]:
    return {
        "id": quotation.id,
        "name": quotation.name,
        "status": quotation.status.lower(),
        "total_amount": format_amount(quotation.total_amount),
        "currency": quotation.currency,
        "basket": quotation.basket_id,
        "created_at": parse_timestamp(quotation.created_at).isoformat(),
    }


async def request_quotation(request: RestRequest) -> Response:
    """Submits the active basket and returns it."""
    fields = await request.fields()
    name = fields.text("name")
    given = QuotationRequestInput(name=name, **request.shared_inputs(fields))
    return await change_basket(PlainQuotationRequest, request, given)
