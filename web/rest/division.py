"""The divisions of the buyer."""

from typing import Any

from starlette.responses import Response

from models.division import DivisionRead, divisions_within
from web.http.json_response import json_response
from web.rest.page import page_json, read_page
from web.rest.rejection import not_found_response
from web.rest.request import RestRequest


async def list_divisions(request: RestRequest) -> Response:
    """Lists the buyer's division and those below it, inactive ones too."""
    page = read_page(request)
    divisions = await divisions_within(request.context.buyer.division.id)
    # As in Django REST Framework, an empty first page is a page.
    if page.number > 1 and page.first >= len(divisions):
        return not_found_response()
    results = [
        _division_json(division)
        for division in divisions[page.first : page.first + page.size]
    ]
    return json_response(page_json(request, page, len(divisions), results))


def _division_json(division: DivisionRead) -> dict[str, Any]:
    return {
        "id": division.id,
        "name": division.name,
        "division_type": division.type.lower(),
        "parent": division.parent.id if division.parent else None,
        "erp_code": division.erp_code,
        "is_active": division.is_active,
    }
