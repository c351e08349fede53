"""The authorisation matrix: every operation and every route, asked by everyone, with the exact outcome of each.

A field or a route without a row fails. `of main` stands behind what is asked about the things of the main division's
buyer; without it everyone asks about their own.
"""

import re
from collections.abc import Mapping
from itertools import product

import pytest
from graphql import build_schema
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute

from application import create_application, schema
from tests.support.authorisation import (
    CALLERS,
    MISSING,
    People,
    Things,
    operations_of,
    outcome_of,
    paths_of,
    routes_of,
)
from tests.support.authorisation_matrix import MATRIX, REQUESTS
from tests.support.service import Service
from web.http.direct_route import DirectRoute

# fmt: off
OF_ANY_ANSWER = {"content-length", "x-request-id", "server-timing", "date"}
"""The headers whose values differ from answer to answer, whatever is asked."""


# fmt: on
KEEPING = (
    *("basketItemsAdd", "basketItemsSet", "basketItemUpdate", "basketImport"),
    *("basketRename", "basketCopy", "basketRefresh", "basketExport"),
    *("/basket/ for", "PUT", "/bulk-import/"),
)
"""Parts of the rows that leave everyone a draft, a quotation and an item in their active basket."""


def subject_of(row: str) -> str:
    """Returns the operation or the route that a row is about."""
    return " ".join(row.split()[:2])


def owner_of(row: str, caller: str) -> str:
    """Returns whose things a row asks about; who has none asks about those of main."""
    has_own = caller in ("gone", "closed", "sub", "main", "other")
    return "main" if row.endswith(" of main") or not has_own else caller


def row_writes(row: str) -> bool:
    """Tells whether a row may change anything."""
    return not row.startswith(("query", "subscription", "ANY", "GET", "MOUNT"))


def those_without_things(row: str, outcomes: Mapping[str, str]) -> list[str]:
    """Returns whose things were used up by a row: those of the ones whom it was accepted from."""
    if any(name in row for name in KEEPING):
        return []
    return [name for name in ("sub", "main", "other") if outcomes[name] in ("ok", "200")]


@pytest.fixture
async def people(service: Service) -> People:
    """Everyone, with things of their own."""
    everyone = People(service)
    await everyone.prepare()
    return everyone


def test_every_operation_and_every_route_has_a_row() -> None:
    wanted = operations_of(schema._schema) | paths_of(create_application())
    assert {subject_of(row) for row in MATRIX} == wanted
    assert MATRIX.keys() == REQUESTS.keys()
    assert {len(outcomes) for outcomes in MATRIX.values()} == {len(CALLERS)}


def test_what_is_added_is_enumerated() -> None:
    added = build_schema(
        "type Query { a: Int b: Int } type Mutation { c: Int } type Subscription { d: Int }"
    )
    assert operations_of(added) == {"query a", "query b", "mutation c", "subscription d"}

    async def page(request: Request) -> Response:
        return Response()

    inner = Route("/{id}", page, methods=["GET", "POST"])
    routes = [
        Mount("/api", routes=[inner]),
        Mount("/files", app=Response()),
        WebSocketRoute("/live", page),
    ]
    answer = Response()
    direct = Middleware(DirectRoute, path="/direct", endpoint=answer, websocket=answer)
    assert paths_of(Starlette(middleware=[direct])) == {"ANY /direct"}
    assert set(routes_of(routes)) == {
        "GET /api/{id}",
        "POST /api/{id}",
        "MOUNT /files",
        "WEBSOCKET /live",
    }


@pytest.mark.long
async def test_everyone_gets_exactly_what_the_matrix_says(people: People) -> None:
    found: dict[str, tuple[str, ...]] = {}
    before = await people.service.main.everything()
    for row, request in REQUESTS.items():
        outcomes = {}
        for caller in sorted(CALLERS, key="main".__eq__):
            if caller == "main":
                # Requests of others, rejected or accepted, change nothing of the main division's
                # buyer; nor do the buyer's own reads in the rows before.
                assert (row, await people.service.main.everything()) == (row, before)
            response = await people.ask(
                caller, request, people.things[owner_of(row, caller)]
            )
            outcomes[caller] = outcome_of(response)
        found[row] = tuple(outcomes[caller] for caller in CALLERS)
        if row_writes(row):
            await people.renew(those_without_things(row, outcomes))
            before = await people.service.main.everything()
    assert {
        row: outcomes for row, outcomes in found.items() if outcomes != MATRIX[row]
    } == {}
    assert found.keys() == MATRIX.keys()


async def test_what_is_anothers_answers_as_what_does_not_exist(people: People) -> None:
    rows = [row for row in REQUESTS if row.endswith(" of main")]
    assert len(rows) == 24
    for row, caller in product(rows, ("closed", "sub", "other")):
        found = await answer_to(people, caller, row, people.things["main"])
        assert (row, caller, found) == (
            row,
            caller,
            await answer_to(people, caller, row, MISSING),
        )


async def answer_to(
    people: People, caller: str, row: str, things: Things
) -> tuple[int, str, dict[str, str]]:
    """Returns all of an answer, with the identifiers that were sent, which a rejection may repeat, taken out."""
    request = REQUESTS[row].replace("{ code }", "{ code message field }")
    response = await people.ask(caller, request, things)
    text = response.text
    for name in (things.draft, things.submitted, things.key):
        text = re.sub(rf"\b{name}\b", "ID", text)
    headers = {
        key: each for key, each in response.headers.items() if key not in OF_ANY_ANSWER
    }
    return response.status_code, text, headers


async def test_lists_hold_only_what_is_ones_own(people: People) -> None:
    asked = (
        "{ activeBaskets { id } draftBaskets(first: 100) { edges { node { id } } } "
        "quotations(first: 100) { edges { node { basket { id } } } } }"
    )
    seen = {}
    for name in ("sub", "main", "other"):
        data = await people.service.caller(name).query(asked)
        drafts = [edge["node"]["id"] for edge in data["draftBaskets"]["edges"]]
        quoted = [edge["node"]["basket"]["id"] for edge in data["quotations"]["edges"]]
        assert len(data["activeBaskets"]) == 1
        assert (drafts, quoted) == (
            [people.things[name].draft],
            [people.things[name].submitted],
        )
        seen[name] = {data["activeBaskets"][0]["id"], *drafts, *quoted}
    assert len(set.union(*seen.values())) == 9


async def test_a_signed_address_is_a_key_for_whoever_has_it(people: People) -> None:
    export = await people.service.main.query(
        people.things["main"].named_in('{ basketExport(cacheKey: "KEY") { url } }')
    )
    for caller in CALLERS:
        response = await people.service.client.get(
            export["basketExport"]["url"], headers=people.headers[caller]
        )
        assert (caller, response.status_code) == (caller, 200)
