"""Who asks for what: people of every kind, what belongs to each of them, and requests that name it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import httpx
from graphql import GraphQLSchema
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from commands.administration import (
    set_division_active,
    set_user_active,
)
from commands.tokens import issue_token, revoke_token
from tests.support import sheets
from tests.support.events import first_event
from tests.support.exports import completed
from tests.support.service import Caller, Service, number_in
from web.rest.router import ADDRESSES, PREFIXES

CALLERS = ("nobody", "garbage", "revoked", "gone", "closed", "sub", "main", "other")
"""No token, one that never was, one revoked, an inactive user, an inactive division, a sub-division, its main division,
and another company's main division."""
OWNERS = ("gone", "closed", "sub", "main", "other")
"""Who has things of their own."""
UPLOAD = sheets.csv([["SKU01", 1, "ERP02"]])


@dataclass(frozen=True)
class Things:
    """What someone owns, each by the name that a request calls it."""

    draft: str
    submitted: str
    key: str
    item: str
    part: str
    product: str
    snapshot: str
    change: str
    author: str
    quotation: str
    export: str
    viewer: str

    def named_in(self, text: str) -> str:
        """Puts these identifiers into a request, in the place of DRAFT, SUBMITTED, KEY and so on."""
        for field in fields(self):
            text = text.replace(field.name.upper(), getattr(self, field.name))
        return text

    def numbered(self) -> "Things":
        """Returns them as the REST interface calls them."""
        return replace(
            self, draft=number_in(self.draft), submitted=number_in(self.submitted)
        )


MISSING = Things(
    draft="basket_987654321",
    submitted="basket_987654322",
    key="0" * 32,
    item="item_987654321",
    part="part_987654321_1",
    product="product_1_987654321",
    snapshot="snapshot_987654321",
    change="change_987654321",
    author="actor_987654321",
    quotation="quotation_987654321",
    export="export_987654321",
    viewer="viewer_987654321",
)
"""What nobody owns."""


async def basket_with_an_item(caller: Caller, division: str, **more: Any) -> str:
    """Adds a product and returns the id of the active basket."""
    items = [{"productRemoteId": 1, "divisionErpCode": division}]
    return str((await caller.accepted("basketItemsAdd", items=items, **more))["id"])


IDS = """query ($draft: ID!, $key: String!) {
  viewer { id }
  basket(id: $draft) {
    items { id product { id } divisions { id } } changes { edges { node { id by { id } } } }
  }
  quotations(first: 1) { edges { node { id basket { id items { product { id } } } } } }
  basketExport(cacheKey: $key) { id }
}"""


MADE = """mutation ($draft: [BasketItemInput!]!, $segment: Int) {
  filled: basketItemsAdd(input: {items: $draft, segmentRemoteId: $segment}) { userErrors { code } }
  saved: basketSave(input: {name: "Draft", segmentRemoteId: $segment}) {
    basket { id } userErrors { code }
  }
  added: basketItemsAdd(input: {items: $draft}) { userErrors { code } }
  requested: quotationRequest(input: {name: "Quotation"}) { userErrors { code } }
  left: basketItemsAdd(input: {items: $draft}) { userErrors { code } }
}"""


async def new_things(caller: Caller, division: str, segment: int, key: str) -> Things:
    """Makes a draft of a segment and a quotation, and leaves an active basket."""
    items = [{"productRemoteId": 1, "divisionErpCode": division}]
    made = await caller.query(MADE, draft=items, segment=segment)
    assert [each["userErrors"] for each in made.values()] == [[]] * 5
    draft = made["saved"]["basket"]["id"]
    data = await caller.query(IDS, draft=draft, key=key)
    (item,), (quotation,) = data["basket"]["items"], data["quotations"]["edges"]
    submitted = quotation["node"]["basket"]
    change = data["basket"]["changes"]["edges"][0]["node"]
    return Things(
        draft=draft,
        submitted=submitted["id"],
        key=key,
        item=item["id"],
        part=item["divisions"][0]["id"],
        product=item["product"]["id"],
        snapshot=submitted["items"][0]["product"]["id"],
        change=change["id"],
        author=change["by"]["id"],
        quotation=quotation["node"]["id"],
        export=data["basketExport"]["id"],
        viewer=data["viewer"]["id"],
    )


SEGMENTS = {"gone": 11, "closed": 12, "sub": 13, "main": 14, "other": 15}
"""A segment of each owner's own, whose products nobody else has in a basket."""
DIVISIONS = {
    "gone": "ERP02",
    "closed": "ERP04",
    "sub": "ERP02",
    "main": "ERP01",
    "other": "ERP05",
}


class People:
    """Everyone of CALLERS, with what belongs to them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.things: dict[str, Things] = {}
        self.headers: dict[str, dict[str, str]] = {
            name: {"Authorization": f"Token {name}"} for name in CALLERS if name != "nobody"
        } | {"nobody": {}}

    async def prepare(self) -> None:
        """Gives everyone something of their own, while all may still act, and then shuts out those to be shut out.

        Who is shut out acted with another token: the one of the matrix was never used while it was good.
        """
        await set_division_active("ERP04", True)
        await set_user_active("gone@example.invalid", True)
        for name in OWNERS:
            caller = self.service.caller(
                (await issue_token(f"{name}@example.invalid")).text
            )
            await basket_with_an_item(caller, DIVISIONS[name])
            export = await completed(caller, format="CSV")
            self.things[name] = await new_things(
                caller, DIVISIONS[name], SEGMENTS[name], export["cacheKey"]
            )
        await set_user_active("gone@example.invalid", False)
        await set_division_active("ERP04", False)
        revoked, _ = await issue_token("main@example.invalid")
        await revoke_token(revoked)
        self.headers["revoked"] = {"Authorization": f"Token {revoked}"}

    async def renew(self, names: Iterable[str]) -> None:
        """Gives a new draft, a new quotation and an active basket to some who may act."""
        for name in names:
            caller = self.service.caller(name)
            self.things[name] = await new_things(
                caller, DIVISIONS[name], SEGMENTS[name], self.things[name].key
            )

    async def ask(self, caller: str, request: str, things: Things) -> httpx.Response:
        """Sends a request: a document, or a method and a path."""
        headers = self.headers[caller]
        if request.startswith("subscription"):
            return await first_event(
                self.service.application, things.named_in(request), headers
            )
        if not request.startswith(("query", "mutation")):
            text = things.numbered().named_in(request)
            return await self._request(*text.split(maxsplit=2), headers=headers)
        text = things.named_in(request)
        if "$file" in text:
            return await self._upload(text, headers)
        return await self.service.client.post(
            "/graphql", json={"query": text}, headers=headers
        )

    async def _request(
        self, method: str, path: str, body: str = "", *, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Sends a request with a body of JSON, or with a file."""
        client = self.service.client
        if body == "FILE":
            return await client.request(
                method, path, headers=headers, files={"filename": ("basket.csv", UPLOAD)}
            )
        for erp_code in ("ERP01", "ERP02"):
            body = body.replace(erp_code, self.service.division(erp_code))
        more = (
            {"Content-Type": "application/json"}
            if body
            else {"Accept": "text/html"}
            if path == "/graphql"
            else {}
        )
        return await client.request(
            method, path, headers={**headers, **more}, content=body or None
        )

    async def _upload(self, document: str, headers: Mapping[str, str]) -> httpx.Response:
        operations = json.dumps({"query": document, "variables": {"file": None}})
        return await self.service.client.post(
            "/graphql",
            data={"operations": operations, "map": '{"0": ["variables.file"]}'},
            files={"0": ("basket.csv", UPLOAD)},
            headers={**headers, "X-Requested-With": "test"},
        )


def outcome_of(response: httpx.Response) -> str:
    """Says in a word how a request was answered.

    `ok`, `null` (nothing such there), `rejected:CODE` (by the mutation), `error:CODE` (by GraphQL), or,
    where it was not a GraphQL operation that was answered, the status, with the code, the detail,
    or the rejected fields.
    """
    is_json = response.headers.get("content-type", "").startswith(
        ("application/json", "application/graphql-response+json")
    )
    content: Any = response.json() if is_json and response.content else {}
    if response.status_code in (301, 307, 405) and "errors" not in content:
        return str(response.status_code)
    if response.status_code != 200:
        code = content["errors"][0]["extensions"]["code"] if "errors" in content else None
        return (
            f"{response.status_code}:{code or content.get('detail') or ','.join(content)}"
        )
    if not isinstance(content, dict):
        return "200"
    if "errors" in content:
        return f"error:{content['errors'][0]['extensions']['code']}"
    return _outcome_of_data(content["data"]) if "data" in content else "200"


def _outcome_of_data(data: dict[str, Any]) -> str:
    (answer,) = data.values()
    if answer is None:
        return "null"
    rejections = answer.get("userErrors") if isinstance(answer, dict) else None
    return f"rejected:{rejections[0]['code']}" if rejections else "ok"


def operations_of(schema: GraphQLSchema) -> set[str]:
    """Names every root field: `query viewer`, `mutation basketSave`, `subscription …`."""
    roots = {
        "query": schema.query_type,
        "mutation": schema.mutation_type,
        "subscription": schema.subscription_type,
    }
    return {
        f"{kind} {name}"
        for kind, root in roots.items()
        if root is not None
        for name in root.fields
    }


def paths_of(application: Starlette) -> set[str]:
    """Names every route, and every path that a middleware answers before the routes are looked through."""
    routes = set(routes_of(application.routes))
    direct = {
        f"ANY {each.kwargs['path']}"
        for each in application.user_middleware
        if "path" in each.kwargs
    }
    # The REST interface looks at the method itself: each method of an address is a door of its own.
    rest = {
        (prefix + path): methods
        for prefix in PREFIXES
        for path, methods in ADDRESSES.items()
    }
    open_doors = {
        f"{method} {path}"
        for path, methods in rest.items()
        for method in methods
        if f"ANY {path}" in routes
    }
    return direct | open_doors | routes - {f"ANY {path}" for path in rest}


def routes_of(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[str]:
    """Names every route: `GET /healthz`; what is mounted without routes of its own as `MOUNT /path`."""
    for route in routes:
        if isinstance(route, Mount) and route.routes:
            yield from routes_of(route.routes, prefix + route.path)
        elif isinstance(route, Mount):
            yield f"MOUNT {prefix}{route.path}"
        elif isinstance(route, WebSocketRoute):
            yield f"WEBSOCKET {prefix}{route.path}"
        else:
            assert isinstance(route, Route), (
                f"{route!r} is of a kind that the matrix does not know."
            )
            methods = sorted(route.methods or ()) or ["ANY"]
            # HEAD is GET without the body, and answered by the same function.
            yield from (
                f"{method} {prefix}{route.path}" for method in methods if method != "HEAD"
            )
