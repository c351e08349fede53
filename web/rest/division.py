"""The divisions of the buyer."""

from typing import Any

from starlette.responses import Response

from models.division import DivisionRead, divisions_within
from web.http.json_response import json_response
from web.rest.page import page_answer, page_of
from web.rest.rejection import not_found
from web.rest.request import RestRequest


async def list_divisions(asked: RestRequest) -> Response:
    """Lists the buyer's division and those below it, closed ones too, also when nothing can be bought for any."""
    page = page_of(asked)
    divisions = await divisions_within(asked.context.buyer.division.id)
    if page.number > 1 and page.first >= len(divisions):
        return not_found()
    results = [
        _division_answer(division)
        for division in divisions[page.first : page.first + page.size]
    ]
    return json_response(page_answer(asked, page, len(divisions), results))


def _division_answer(division: DivisionRead) -> dict[str, Any]:
    return {
        "id": division.id,
        "name": division.name,
        "division_type": division.type.lower(),
        "parent": division.parent.id if division.parent else None,
        "erp_code": division.erp_code,
        "is_active": division.is_active,
    }
